package fetchtest

import (
	"bytes"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"

	"github.com/go-git/go-billy/v5/osfs"
	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/cache"
	"github.com/go-git/go-git/v5/plumbing/object"
	"github.com/go-git/go-git/v5/plumbing/protocol/packp"
	"github.com/go-git/go-git/v5/plumbing/transport"
	"github.com/go-git/go-git/v5/plumbing/transport/server"
	"github.com/go-git/go-git/v5/storage/filesystem"
)

// Handler serves the bare repositories below a folder by git's smart protocol, and every
// other file as it is. It can neither do shallow fetches nor give out a commit that is no
// branch, as old servers.
func Handler(root string) http.Handler {
	files := http.FileServer(http.Dir(root))
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		repo, advert := strings.CutSuffix(r.URL.Path, "/info/refs")
		name, pack := strings.CutSuffix(r.URL.Path, "/git-upload-pack")
		if pack {
			repo = name
		}
		dir := filepath.Join(root, filepath.FromSlash(repo))
		if _, err := os.Stat(filepath.Join(dir, "HEAD")); err != nil || !advert && !pack {
			files.ServeHTTP(w, r)
			return
		}
		if err := serve(w, r, dir, advert); err != nil {
			http.Error(w, err.Error(), http.StatusInternalServerError)
		}
	})
}

func serve(w http.ResponseWriter, r *http.Request, dir string, advert bool) error {
	store := filesystem.NewStorage(osfs.New(dir), cache.NewObjectLRUDefault())
	ep, err := transport.NewEndpoint("/")
	if err != nil {
		return err
	}
	s, err := server.NewServer(server.MapLoader{ep.String(): store}).NewUploadPackSession(ep, nil)
	if err != nil {
		return err
	}
	if advert {
		adv, err := s.AdvertisedReferencesContext(r.Context())
		if err != nil {
			return err
		}
		for name, id := range adv.References { // go-git's server leaves this out
			if tag, err := object.GetTag(store, id); err == nil {
				adv.Peeled[name] = tag.Target
			}
		}
		adv.Prefix = [][]byte{[]byte("# service=git-upload-pack\n"), []byte("")}
		w.Header().Set("Content-Type", "application/x-git-upload-pack-advertisement")
		return adv.Encode(w)
	}
	req := packp.NewUploadPackRequest()
	if err := req.UploadRequest.Decode(r.Body); err != nil {
		return err
	}
	resp, err := s.UploadPack(r.Context(), req)
	if err != nil {
		return err
	}
	w.Header().Set("Content-Type", "application/x-git-upload-pack-result")
	return resp.Encode(w)
}

func readAll(o plumbing.EncodedObject) ([]byte, error) {
	r, err := o.Reader()
	if err != nil {
		return nil, err
	}
	defer r.Close()
	var b bytes.Buffer
	_, err = io.Copy(&b, r)
	return b.Bytes(), err
}
