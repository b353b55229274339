package event

// matcher finds all occurrences of a set of patterns in one pass, by the algorithm of Aho
// and Corasick. It is immutable.
type matcher struct {
	root   [256]int32    // the children of the root
	fast   []*[256]int32 // the transitions of each state of depth 1, where most of the time is spent; nil for others
	next   map[uint64]int32
	parent []int32
	char   []byte
	depth  []int32 // length of the state's text
	fail   []int32 // state of the longest proper suffix that begins a pattern
	out    []int32 // length of the longest pattern that ends here, 0 for none
}

func edge(state int32, b byte) uint64 { return uint64(state)<<8 | uint64(b) }

func newMatcher(patterns []string) *matcher {
	m := &matcher{next: map[uint64]int32{}, parent: []int32{0}, char: []byte{0}, depth: []int32{0}, fail: []int32{0}, out: []int32{0}}
	for _, p := range patterns {
		state := int32(0)
		for i := range len(p) {
			state = m.child(state, p[i])
		}
		m.out[state] = int32(len(p))
	}
	m.link()
	return m
}

// child returns the state's child by b, and makes it if there is none.
func (m *matcher) child(state int32, b byte) int32 {
	if to, ok := m.next[edge(state, b)]; ok {
		return to
	}
	to := int32(len(m.parent))
	m.next[edge(state, b)] = to
	m.parent, m.char = append(m.parent, state), append(m.char, b)
	m.depth, m.fail, m.out = append(m.depth, m.depth[state]+1), append(m.fail, 0), append(m.out, 0)
	if state == 0 {
		m.root[b] = to
	}
	return to
}

// link sets the failure links, shallow states first.
func (m *matcher) link() {
	byDepth := [][]int32{}
	for s := range m.parent {
		d := int(m.depth[s])
		for len(byDepth) <= d {
			byDepth = append(byDepth, nil)
		}
		byDepth[d] = append(byDepth[d], int32(s))
	}
	for d := 2; d < len(byDepth); d++ {
		for _, s := range byDepth[d] {
			m.fail[s] = m.walk(m.fail[m.parent[s]], m.char[s])
		}
	}
	for d := 1; d < len(byDepth); d++ {
		for _, s := range byDepth[d] {
			m.out[s] = max(m.out[s], m.out[m.fail[s]])
		}
	}
	m.fast = make([]*[256]int32, len(m.parent))
	for _, s := range m.root {
		if s == 0 {
			continue
		}
		m.fast[s] = new([256]int32)
		for b := range 256 {
			m.fast[s][b] = m.walk(s, byte(b))
		}
	}
}

// step returns the state after reading b in state.
func (m *matcher) step(state int32, b byte) int32 {
	if state == 0 {
		return m.root[b]
	}
	if f := m.fast[state]; f != nil {
		return f[b]
	}
	return m.walk(state, b)
}

func (m *matcher) walk(state int32, b byte) int32 {
	for state != 0 {
		if to, ok := m.next[edge(state, b)]; ok {
			return to
		}
		state = m.fail[state]
	}
	return m.root[b]
}

// text returns the bytes that led to state and may belong to a match.
func (m *matcher) text(state int32) []byte {
	text := make([]byte, m.depth[state])
	for i := len(text) - 1; i >= 0; i-- {
		text[i] = m.char[state]
		state = m.parent[state]
	}
	return text
}
