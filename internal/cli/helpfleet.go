package cli

import (
	"strings"

	"github.com/infrahaus/infrahaus/internal/fleet"
)

// fleetExample is a whole fleet file; a test loads it.
const fleetExample = `# yaml-language-server: $schema=` + fleet.SchemaID + `
name: shop
defaults:
  template: nginx
  memory: 512
  ip: 192.0.2.10-192.0.2.60/24,192.0.2.1
containers:
  db:
    template: postgresql
    variableFiles: {db_password: ./db-password}
  web:
    count: 3
    needs: [db]
`

func fleetTopic() Topic {
	fields := part{title: "Fields", text: "NAME stands for a name of yours. An unknown field is an error with its line. `defaults` has the fields of a container except count and needs. `infrahaus template schema --fleet` prints the same as JSON Schema, for editors."}
	for _, f := range fleet.Fields() {
		text := f.Text
		if f.Required {
			text += " Required."
		}
		if f.Words != nil {
			text += " One of " + orWords(f.Words) + "."
		}
		if f.Range != "" {
			text += " Within " + f.Range + "."
		}
		// The fields of a container are listed below the first place that has them.
		if rest, below := strings.CutPrefix(f.Path, "defaults."); below {
			f.Path = "containers.NAME." + rest
		}
		fields.terms = append(fields.terms, term{f.Path, text, ""})
	}
	return Topic{Name: "fleet", Short: "Many containers from one file, field by field", parts: []part{
		{text: "A fleet file describes many containers: what they have in common, what each is, and which comes first. `create`, `resume`, `sync` and `destroy` take it with `-f`.\n\n" + indented(fleetExample) + "\n\nThe first line tells an editor with a YAML language server where the schema is. A value of a container replaces that of the defaults; variables are replaced by name, and lists are added. A path that begins with ./ or ../ is relative to the file."},
		{title: "Commands", terms: []term{
			{"infrahaus create -f FLEET", "Makes what there is not. What is ready is left alone. With --plan: the order, each node with its reason, and the plan of each container.", ""},
			{"infrahaus resume -f FLEET", "Goes on with what failed or was interrupted, and makes the rest.", ""},
			{"infrahaus sync -f FLEET", "Applies templates and values to what is there. It names what is missing, and what is no longer in the file. With --plan --exit-code it ends with 7 if something differs.", ""},
			{"infrahaus destroy -f FLEET", "Asks once, and destroys in the reverse order.", ""},
		}},
		{title: "Limits", text: "--parallel says how many containers are worked on at once, and --per-node how many create tasks run at once on a node. One failure does not stop the others, unless --fail-fast is given: then no further container is begun. The exit status is the worst of all. Ctrl-C ends each as a single run would end, and begins no other."},
		fields,
	}}
}
