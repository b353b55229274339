package cli

import (
	"context"
	"errors"
	"fmt"
	"os"

	"github.com/spf13/cobra"

	"github.com/infrahaus/infrahaus/internal/lxc"
	"github.com/infrahaus/infrahaus/internal/store"
	"github.com/infrahaus/infrahaus/internal/ui"
	"github.com/infrahaus/infrahaus/internal/vault"
)

func newKeyCmd(a *app) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "key",
		Short: "The key that credentials are sealed with",
		Long: `The key that credentials are sealed with: ` + vault.EnvKey + `, else the
file key in the config folder.` + exitStatuses(0, 2),
		Args: noArgs,
		RunE: helpOnly,
	}
	cmd.AddCommand(newKeyRotateCmd(a))
	return cmd
}

type keyRotateOptions struct {
	app     *app
	newEnv  string
	newFile string
	after   func(step string) // nil: nobody watches
}

func newKeyRotateCmd(a *app) *cobra.Command {
	o := &keyRotateOptions{app: a}
	cmd := &cobra.Command{
		Use:   "rotate",
		Short: "Replace the encryption key and seal everything with the new one",
		Long: `Make a new encryption key and seal everything that is stored with it, in one
transaction. Others may read and write credentials meanwhile. A rotation that was
killed is finished by the next one; at no moment is anything lost.

The old key is kept beside the new one as key.old-ID: another state folder, or a
backup, may need it. Remove it once none does.

In a shared catalogue, each member needs the new key: one with a key file of its own
takes it over with --new-key-file, and until then sees names and no values.

Where the key is in ` + vault.EnvKey + `, the new one is yours to make, for
example with "openssl rand -hex 32", and to keep.` + exitStatuses(0, 1, 2),
		Example: "  infrahaus key rotate\n  infrahaus key rotate --new-key-env NEW_KEY",
		Args:    noArgs,
		RunE:    func(cmd *cobra.Command, _ []string) error { return o.run(cmd.Context()) },
	}
	cmd.Flags().StringVar(&o.newEnv, "new-key-env", "", "take the new key from this environment `variable`: 64 hexadecimal digits")
	cmd.Flags().StringVar(&o.newFile, "new-key-file", "", "take the new key from this `file`, which nobody else may read")
	return cmd
}

// rotated is what --json prints.
type rotated struct {
	KeyID    string `json:"keyId"`
	OldKeyID string `json:"oldKeyId"`
	Resealed int    `json:"resealed"` // values
	Resumed  bool   `json:"resumed"`  // one that was killed is finished
}

func (o *keyRotateOptions) run(ctx context.Context) error {
	from, err := o.source()
	if err != nil {
		return err
	}
	v, err := o.vault(ctx)
	if err != nil {
		return err
	}
	r, err := v.Rotate(from)
	if err != nil {
		return err
	}
	defer r.Close()
	s, _, err := o.app.catalogue(ctx)
	if err != nil {
		return err
	}
	n, err := o.rotate(ctx, s, r)
	if err != nil {
		return err
	}
	return o.print(rotated{KeyID: r.NewID, OldKeyID: r.OldID, Resealed: n, Resumed: r.Resumed})
}

// source says where the new key comes from.
func (o *keyRotateOptions) source() (vault.RotateOptions, error) {
	var none vault.RotateOptions
	switch {
	case o.newEnv != "" && o.newFile != "":
		return none, usagef("--new-key-env and --new-key-file exclude each other")
	case o.newEnv != "" && os.Getenv(o.newEnv) == "" && (len(o.newEnv) >= 32 || !lxc.IsCredentialKey(o.newEnv)):
		// The argument may be the key itself, so the error does not repeat it.
		return none, usagef("--new-key-env takes the name of a variable, not the key").
			hint("NEW_KEY=$(openssl rand -hex 32) infrahaus key rotate --new-key-env NEW_KEY")
	case o.newEnv != "" && os.Getenv(o.newEnv) == "":
		return none, usagef("the environment has no variable %q, or it is empty", o.newEnv)
	case o.newEnv == "" && o.newFile == "" && os.Getenv(vault.EnvKey) != "":
		return none, usagef("the key is in %s: the new one must come from you", vault.EnvKey).
			hint(`NEW_KEY=$(openssl rand -hex 32) infrahaus key rotate --new-key-env NEW_KEY`)
	}
	return vault.RotateOptions{NewKey: os.Getenv(o.newEnv), From: o.newEnv, NewFile: o.newFile}, nil
}

// vault opens the vault whose key is replaced. It makes no catalogue, because a rotation
// that fails its checks must not leave one. It refuses if there is no key: the first
// create makes one.
func (o *keyRotateOptions) vault(ctx context.Context) (*vault.Vault, error) {
	a := o.app
	there, err := a.lookInto(ctx)
	if err != nil {
		return nil, err
	}
	v, sealed := a.vault, false
	if there {
		sealed, err = a.store.HasSealed(ctx)
	} else {
		v, err = vault.Open(vault.Options{KeyFile: a.cfg.Paths.KeyFile()})
	}
	if err != nil || sealed {
		return v, err
	}
	if _, err := v.KeyID(); errors.Is(err, vault.ErrNoKey) {
		return nil, failf(1, "there is no encryption key yet: the first create makes one")
	}
	return v, nil
}

// rotate takes the steps of a rotation. The process may die after any of them, and
// inside the transaction: whatever is there can be opened, and this can be done again.
func (o *keyRotateOptions) rotate(ctx context.Context, s *store.Store, r *vault.Rotation) (int, error) {
	n := 0
	for _, step := range []struct {
		name string
		do   func() error
	}{
		{"check", func() error { return s.CheckSealed(ctx, r) }}, // a wrong key is found before anything is changed
		{"prepare", r.Prepare},
		{"reseal", func() (err error) { n, err = s.Reseal(ctx, r); return err }},
		{"keep", r.KeepOld},
		{"install", r.Install},
	} {
		if err := step.do(); err != nil {
			if step.name == "reseal" && errors.Is(err, vault.ErrWrongKey) {
				r.GiveUp() // another member was faster, and its key is the one to take now
			}
			return 0, err
		}
		if o.after != nil {
			o.after(step.name)
		}
	}
	return n, nil
}

func (o *keyRotateOptions) print(done rotated) error {
	a := o.app
	if os.Getenv(vault.EnvKey) != "" {
		a.warn(fmt.Sprintf("from now on %s must hold the new key, the one in %s", vault.EnvKey, o.newEnv+o.newFile), "")
	}
	if a.global.json {
		return ui.WriteJSON(a.streams, done)
	}
	if a.global.quiet {
		return nil
	}
	how := "rotated"
	if done.Resumed {
		how = "resumed"
	}
	_, err := fmt.Fprintf(a.streams.Out, "%s\t%d\t%s\n", done.KeyID, done.Resealed, how)
	return err
}
