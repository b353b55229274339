package kernel

import (
	"reflect"

	"mvdan.cc/sh/v3/interp"
	"mvdan.cc/sh/v3/syntax"
)

// set -e has no effect on a command whose status is tested (before && and ||, after !, as
// a condition), nor in subshells of it. The library applies this only within one process,
// but subshells are processes here: a subshell of a tested command starts without -e. The
// library also does not apply it after !.

// negate makes the command after ! the condition of an if, because the library does not
// end the shell in the middle of a condition.
func negate(st *syntax.Stmt) {
	if c, ok := st.Cmd.(*syntax.CallExpr); !st.Negated || ok && len(c.Args) == 1 && c.Args[0].Lit() == ":" {
		return
	}
	inner := *st
	inner.Negated, inner.Redirs, inner.Comments = false, nil, nil
	st.Cmd = &syntax.IfClause{
		Cond: []*syntax.Stmt{&inner},
		Then: []*syntax.Stmt{{Cmd: callOf(":")}},
		Else: &syntax.IfClause{Then: []*syntax.Stmt{{Negated: true, Cmd: callOf(":")}}},
	}
}

// tested reports whether the status of the running command is tested by && or ||, !, or as
// a condition, perhaps by a caller of the function that it belongs to. Only the library
// knows it, in a field that it does not export. If a later version has renamed the field,
// libraryFlag panics in every test that starts a subshell, such as TestShell.
func (sh *shell) tested() bool { return sh.libraryFlag("noErrExit") }

func (sh *shell) libraryFlag(name string) bool {
	return reflect.ValueOf(sh.r).Elem().FieldByName(name).Bool()
}

// nounsetNow reports whether set -u is on.
func (sh *shell) nounsetNow() bool {
	return reflect.ValueOf(sh.r).Elem().FieldByName("ecfg").Elem().FieldByName("NoUnset").Bool()
}

// untested returns the options of a tested command's subshell: set -e has no effect in it
// either.
func (sh *shell) untested() []interp.RunnerOption {
	if sh.noErrexit || sh.tested() {
		return []interp.RunnerOption{interp.Params("+e")}
	}
	return nil
}
