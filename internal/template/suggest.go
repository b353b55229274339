package template

import (
	"fmt"
	"slices"
	"strings"
)

// nearest is the candidate that a mistyped word was most likely meant to be, or "".
func nearest(word string, candidates []string) string {
	best, distance := "", max(len(word)/3, 1)+1
	for _, c := range sorted(candidates) {
		if strings.EqualFold(word, c) {
			return c
		}
		d := edits(strings.ToLower(word), strings.ToLower(c))
		if d < distance {
			best, distance = c, d
		}
	}
	if best == "" && len(word) >= 3 {
		for _, c := range sorted(candidates) {
			if strings.HasPrefix(strings.ToLower(c), strings.ToLower(word)) {
				return c
			}
		}
	}
	return best
}

// Nearest is the candidate that a mistyped word was most likely meant to be, or "".
func Nearest(word string, candidates []string) string { return nearest(word, candidates) }

// edits is the number of letters to insert, remove, replace or swap to turn a into b.
// Long words are not compared.
func edits(a, b string) int {
	const tooLong = 64
	if len(a) > tooLong || len(b) > tooLong {
		return tooLong
	}
	before, row := make([]int, len(b)+1), make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := 1; i <= len(a); i++ {
		next := make([]int, len(b)+1)
		next[0] = i
		for j := 1; j <= len(b); j++ {
			cost := 1
			if a[i-1] == b[j-1] {
				cost = 0
			}
			next[j] = min(row[j]+1, next[j-1]+1, row[j-1]+cost)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				next[j] = min(next[j], before[j-2]+1)
			}
		}
		before, row = row, next
	}
	return row[len(b)]
}

// oneOf suggests the word of a set that was probably meant.
func oneOf(word string, set []string) string {
	if near := meant(word, set); near != "" {
		return fmt.Sprintf("did you mean %q?", near)
	}
	return "one of: " + strings.Join(set, ", ")
}

func sorted(words []string) []string {
	out := slices.Clone(words)
	slices.Sort(out)
	return out
}

func contains(words []string, word string) bool { return slices.Contains(words, word) }
