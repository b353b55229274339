package api

// images are the routes of OCI images, which version 9.1 brought.
func (s *Server) images() []route {
	if s.node.Profile().Major < 9 {
		return nil
	}
	return []route{
		{"POST", storPath + "/oci-registry-pull", "/storage/{storage} Datastore.AllocateTemplate", true, func(c *call) (any, error) {
			return c.at.PullImage(c.auth, c.params)
		}},
		{"GET", nodePath + "/query-oci-repo-tags", "/nodes/{node} Sys.AccessNetwork", false, func(c *call) (any, error) {
			return c.at.ImageTags(c.ctx, c.params)
		}},
	}
}
