package cli_test

import (
	"crypto/ed25519"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"encoding/pem"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/hiddeco/sshsig"
	"github.com/rogpeppe/go-internal/testscript"
	"golang.org/x/crypto/ssh"

	"github.com/infrahaus/infrahaus/internal/fetch/fetchtest"
)

func fetchCommands() map[string]func(ts *testscript.TestScript, neg bool, args []string) {
	return map[string]func(ts *testscript.TestScript, neg bool, args []string){
		"commit": commit, "origin": origin, "sign": sign, "pack": packFolder,
	}
}

// commit is `commit REPOSITORY BRANCH FOLDER [TAG]`: commits the folder's files. $COMMIT is
// the commit then.
func commit(ts *testscript.TestScript, neg bool, args []string) {
	repo, err := fetchtest.Open(ts.MkAbs(args[0]))
	ts.Check(err)
	files, err := fetchtest.Folder(ts.MkAbs(args[2]))
	ts.Check(err)
	id, err := repo.Commit(args[1], files, nil)
	ts.Check(err)
	if len(args) > 3 {
		ts.Check(repo.Tag(args[3], id))
	}
	ts.Setenv("COMMIT", id)
}

// origins are the servers of sessions, by the session's folder.
var origins sync.Map

// originServer answers nothing any more once it hangs.
type originServer struct {
	*httptest.Server
	files http.Handler
	hangs atomic.Bool
}

func (s *originServer) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if s.hangs.Load() {
		<-r.Context().Done()
		return
	}
	s.files.ServeHTTP(w, r)
}

// origin is `origin FOLDER`: serves the folder's repositories and files over https until the
// session ends. $ORIGIN is its address, and its certificate is trusted. `origin hangs` lets
// it answer nothing any more, and `origin down` ends it.
func origin(ts *testscript.TestScript, neg bool, args []string) {
	work := ts.MkAbs(".")
	if s, ok := origins.Load(work); ok {
		switch server := s.(*originServer); args[0] {
		case "down":
			server.CloseClientConnections()
			server.Close()
		case "hangs":
			server.hangs.Store(true)
		default:
			ts.Fatalf("the origin runs already")
		}
		return
	}
	server := &originServer{files: fetchtest.Handler(ts.MkAbs(args[0]))}
	server.Server = httptest.NewTLSServer(server)
	origins.Store(work, server)
	ts.Defer(func() {
		origins.Delete(work)
		server.CloseClientConnections()
		server.Close()
	})
	file := filepath.Join(work, "origin.pem")
	ts.Check(os.WriteFile(file, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw}), 0o600))
	ts.Setenv("SSL_CERT_FILE", file)
	ts.Setenv("ORIGIN", strings.TrimPrefix(server.URL, "https://"))
}

// sign is `sign KEY NAMESPACE FILE SIGNATURE`, as ssh-keygen -Y sign does. A key that is not
// there is made, and its line for allowed_signers is KEY.pub.
func sign(ts *testscript.TestScript, neg bool, args []string) {
	file := ts.MkAbs(args[0])
	raw, err := os.ReadFile(file)
	if os.IsNotExist(err) {
		public, private, err := ed25519.GenerateKey(rand.Reader)
		ts.Check(err)
		raw = private
		ts.Check(os.WriteFile(file, raw, 0o600))
		key, err := ssh.NewPublicKey(public)
		ts.Check(err)
		ts.Check(os.WriteFile(file+".pub", append([]byte("ada@example.org "), ssh.MarshalAuthorizedKey(key)...), 0o600))
	} else {
		ts.Check(err)
	}
	signer, err := ssh.NewSignerFromKey(ed25519.PrivateKey(raw))
	ts.Check(err)
	sig, err := sshsig.Sign(strings.NewReader(ts.ReadFile(args[2])), signer, sshsig.HashSHA512, args[1])
	ts.Check(err)
	ts.Check(os.WriteFile(ts.MkAbs(args[3]), sshsig.Armor(sig), 0o600))
}

// packFolder is `pack FOLDER FILE`: writes the folder's files to a .tar.gz, below a folder of
// its name. $SUM is the file's SHA-256.
func packFolder(ts *testscript.TestScript, neg bool, args []string) {
	files, err := fetchtest.Folder(ts.MkAbs(args[0]))
	ts.Check(err)
	data, err := fetchtest.Archive(filepath.Base(args[0]), files)
	ts.Check(err)
	ts.Check(os.WriteFile(ts.MkAbs(args[1]), data, 0o600))
	sum := sha256.Sum256(data)
	ts.Setenv("SUM", hex.EncodeToString(sum[:]))
}
