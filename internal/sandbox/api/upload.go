package api

import (
	"fmt"
	"io"
	"mime"
	"mime/multipart"
	"net"
	"net/http"
	"net/url"
	"os"
	"regexp"
	"time"
)

// uploads is the route of files that are sent to a storage. pveproxy takes their body itself,
// however large, and hands the name of a temporary file to the method.
func (s *Server) uploads() []route {
	return []route{{"POST", storPath + "/upload", "/storage/{storage} Datastore.AllocateTemplate", true, func(c *call) (any, error) {
		return s.node.Upload(c.auth, c.params, c.file)
	}}}
}

var uploadPath = regexp.MustCompile(`^/api2/+(json|extjs)/+nodes/[^/]+/+storage/[^/]+/+upload/*$`)

// maxFields is how much may come before the file, in bytes.
const maxFields = 64 << 10

// isUpload reports whether pveproxy takes the body of a request as a file.
func isUpload(req *http.Request) bool {
	return req.Method == http.MethodPost && uploadPath.MatchString(req.URL.Path)
}

// upload reads the parts of an upload after the login: parameters, and as the last one the
// file, whose part is named filename. The temporary file is removed if the request fails
// before the method takes it.
func (s *Server) upload(conn net.Conn, req *http.Request) (params url.Values, file string, refused *response) {
	refuse := func(format string, args ...any) (url.Values, string, *response) {
		if file != "" {
			_ = os.Remove(file)
		}
		r := plain(501, fmt.Sprintf(format, args...))
		return nil, "", &r
	}
	kind, media, err := mime.ParseMediaType(req.Header.Get("Content-Type"))
	if err != nil || kind != "multipart/form-data" || media["boundary"] == "" {
		return refuse("upload 'Content-Type '%s' not implemented", req.Header.Get("Content-Type"))
	}
	_ = conn.SetReadDeadline(time.Now().Add(10 * time.Minute))
	params = url.Values{}
	parts := multipart.NewReader(req.Body, media["boundary"])
	for file == "" {
		p, err := parts.NextRawPart()
		if err != nil {
			return refuse("upload failed")
		}
		if p.FileName() == "" {
			b, err := io.ReadAll(io.LimitReader(p, maxFields))
			if err != nil {
				return refuse("upload failed")
			}
			params.Set(p.FormName(), string(b))
			continue
		}
		if p.FormName() != "filename" {
			return refuse("wrong field name '%s' for file upload", p.FormName())
		}
		params.Set("filename", p.FileName())
		f, err := os.CreateTemp(s.node.UploadDir(), "pveupload-")
		if err != nil {
			return refuse("unable to create temporary upload file")
		}
		file = f.Name()
		_, err = io.Copy(f, p)
		if cerr := f.Close(); err != nil || cerr != nil {
			return refuse("upload failed")
		}
	}
	// Proxmox does nothing before it has as much as the request's length says.
	if _, err := io.Copy(io.Discard, req.Body); err != nil {
		return refuse("upload failed")
	}
	return params, file, nil
}
