package kernel

import (
	"strconv"
	"sync"

	"mvdan.cc/sh/v3/syntax"
)

// program holds the pieces of scripts that run as processes of their own:
// subshells, both sides of a pipe, background jobs and substitutions. The
// interpreter runs those as goroutines of one shell; rewritten, they become
// calls by number, which the kernel answers with a new process.
type program struct {
	mu     sync.Mutex
	bodies []*syntax.File
	maps   map[string]bool // names of associative arrays
	labels int

	assigned, readonly, numeric map[string]bool // see assignments
}

// label returns a name for a statement, different each time.
func (g *program) label() string {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.labels++
	return strconv.Itoa(g.labels)
}

func (g *program) associative(name string) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.maps == nil {
		g.maps = map[string]bool{}
	}
	g.maps[name] = true
}

func (g *program) isAssociative(name string) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.maps[name]
}

func (g *program) add(f *syntax.File) string {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.bodies = append(g.bodies, f)
	return strconv.Itoa(len(g.bodies) - 1)
}

func (g *program) body(id string) *syntax.File {
	n, err := strconv.Atoi(id)
	g.mu.Lock()
	defer g.mu.Unlock()
	if err != nil || n < 0 || n >= len(g.bodies) {
		return nil
	}
	return g.bodies[n]
}

// body files statements away; inside a function they stay in one, so that
// return and local go on working.
func (w *rewriter) body(stmts []*syntax.Stmt) string {
	f := &syntax.File{Name: w.name, Stmts: stmts}
	if w.depth > 0 {
		all := &syntax.Word{Parts: []syntax.WordPart{&syntax.DblQuoted{Parts: []syntax.WordPart{
			&syntax.ParamExp{Short: true, Param: &syntax.Lit{Value: "@"}}}}}}
		f.Stmts = []*syntax.Stmt{
			{Cmd: &syntax.FuncDecl{Parens: true, Name: &syntax.Lit{Value: bodyFunction},
				Body: &syntax.Stmt{Cmd: &syntax.Block{Stmts: stmts}}}},
			{Cmd: &syntax.CallExpr{Args: []*syntax.Word{plain(bodyFunction), all}}},
		}
	}
	return w.prog.add(f)
}

// sides files the parts of a pipe away, each a process of its own: their ids
// with the operators between them.
func (w *rewriter) sides(cmd syntax.Command, out []string) []string {
	b := cmd.(*syntax.BinaryCmd)
	one := func(st *syntax.Stmt) {
		switch c := st.Cmd.(type) {
		case *syntax.BinaryCmd:
			if (c.Op == syntax.Pipe || c.Op == syntax.PipeAll) && len(st.Redirs) == 0 && !st.Negated {
				out = w.sides(c, out)
				return
			}
		case *syntax.Subshell:
			if len(st.Redirs) == 0 && !st.Negated {
				w.stmts(c.Stmts)
				out = append(out, w.body(c.Stmts))
				return
			}
		}
		once(st)
		w.stmt(st)
		out = append(out, w.body([]*syntax.Stmt{st}))
	}
	one(b.X)
	out = append(out, b.Op.String())
	one(b.Y)
	return out
}
