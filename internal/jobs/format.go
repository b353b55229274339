package jobs

import "strconv"

// format is the newest format of a job's request that this program knows, as text, so that a
// test can build a program of another version. A change of a request that an older worker would
// misunderstand needs the next number.
var format = "1"

// Format is the newest format of a job that this program writes and knows.
func Format() int {
	n, err := strconv.Atoi(format)
	if err != nil {
		return 1
	}
	return n
}
