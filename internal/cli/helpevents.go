package cli

import (
	"reflect"
	"strings"
	"time"

	"github.com/infrahaus/infrahaus/internal/event"
	"github.com/infrahaus/infrahaus/internal/lxc"
)

// eventTypes has a text for each event.Type.
func eventTypes() []term {
	return []term{
		{string(event.Step), "A phase or a step of it begins, ends or still waits.", ""},
		{string(event.Log), "A line of a script's output. These are in the run's log file, not in the database.", ""},
		{string(event.Warning), "Worth knowing; the run goes on.", ""},
		{string(event.Service), "A service was found.", ""},
		{string(event.Complete), "The last event of a run that got to its end.", ""},
		{string(event.Error), "The last event of a run that failed.", ""},
	}
}

// eventTexts explains the fields of an event by their names in JSON.
func eventTexts() map[string]string {
	return map[string]string{
		"seq":         "The number within the run, from 1 without holes.",
		"timestamp":   "RFC 3339 in UTC with milliseconds.",
		"type":        "One of the types above.",
		"step":        "The phase: creating, starting, deploying, syncing or finalizing.",
		"percent":     "0 to 100; it never falls within a run.",
		"message":     "A line for people.",
		"containerId": "The id of the container's record.",
		"runId":       "The id of the run.",
		"ctid":        "Proxmox's id of the container.",
		"node":        "The Proxmox node.",
		"hostname":    "The container's name.",
		"host":        "The host's name in the config.",
		"scriptName":  "The script that a log line or step belongs to.",
		"scriptIndex": "Its place among the scripts, from 0.",
		"scriptTotal": "How many scripts there are.",
		"scriptNames": "Their names, once they are known.",
		"stream":      "stdout or stderr, for a log line.",
		"offset":      "For a log line: the bytes of that stream up to here.",
		"elapsedMs":   "Milliseconds since the run began.",
		"service":     "For type service: the service, as below.",
		"hint":        "What to do next, one hint a line.",
		"hints":       "The same as a list.",
		"exitStatus":  "For complete and error: the exit status of the command.",
		"user":        "In a shared catalogue, on the first event of a run: who began it.",
		"machine":     "In a shared catalogue, on the first event of a run: the name of the machine.",
		"version":     "In a shared catalogue, on the first event of a run: the version of infrahaus.",
		"address":     "For complete: the container's address.",
		"services":    "For complete: a list of services.",
	}
}

// serviceTexts explains the fields of a service.
func serviceTexts() map[string]string {
	return map[string]string{
		"name":           "The unit without .service, or the name of an engine's container.",
		"type":           "systemd, openrc, docker, process or credential.",
		"status":         "running, stopped, unready or error.",
		"ports":          "What it listens on: objects with protocol, address and port.",
		"morePorts":      "How many ports are not listed.",
		"url":            "Where to open it.",
		"system":         "It is part of the operating system.",
		"declared":       "The template names it.",
		"image":          "The image of an engine's container.",
		"project":        "Its compose project or pod.",
		"credentialKeys": "The names of its credentials; never a value.",
		"note":           "Such as: not reachable from here.",
		"log":            "The last log lines of a declared service that does not answer.",
	}
}

// fieldTerms lists the JSON fields of a struct with their texts.
func fieldTerms(t reflect.Type, texts map[string]string, more ...string) []term {
	var out []term
	for i := range t.NumField() {
		name, _, _ := strings.Cut(t.Field(i).Tag.Get("json"), ",")
		if name == "-" {
			continue
		}
		out = append(out, term{name, texts[name], ""})
	}
	for _, name := range more {
		out = append(out, term{name, texts[name], ""})
	}
	return out
}

func eventsTopic() Topic {
	zero, all := 0, 100
	meta := event.Event{
		Timestamp:   time.Date(2026, time.November, 23, 10, 0, 0, 123e6, time.UTC),
		ContainerID: "01KB9Q6P0S4M3T8V5W7X2Y1Z0A", RunID: "01KB9Q6P0T9D2K4F6H8J0N3R5V", CTID: 101, Node: "pve1", Hostname: "web", Host: "homelab",
	}
	log, end := meta, meta
	log.Seq, log.Type, log.Step, log.Message, log.ElapsedMs = 31, event.Log, event.Syncing, "nginx is up", 8211
	log.ScriptName, log.ScriptIndex, log.ScriptTotal, log.Stream = "10-nginx.sh", &zero, 1, event.Stdout
	end.Seq, end.Type, end.Step, end.Message, end.ElapsedMs = 40, event.Complete, event.Finalizing, "complete", 9903
	end.Percent, end.ExitStatus, end.Address = &all, &zero, "192.0.2.20"
	end.Services = []lxc.Service{{Name: "nginx", Type: lxc.Systemd, Status: lxc.Running, Declared: true, URL: "http://192.0.2.20/"}}
	examples := eventLine(log) + eventLine(end)
	return Topic{Name: "events", Short: "JSON events of a run, field by field", parts: []part{
		{text: "With `--json`, `create`, `resume`, `sync`, `update`, `watch` and `events` print one JSON object a line, and `discover` its last one alone. The same objects are in the database and, with `--publish`, on Redis. The last line of a run has the type complete or error. A field that has no value is left out; programs should ignore fields that they do not know.\n\n" + indented(examples) + "\n\nTo wait for the end in a script:\n\n" + indented(`infrahaus create web --template nginx --json | jq -r 'select(.type == "complete") | .address'`)},
		{title: "Types", terms: eventTypes()},
		{title: "Fields", terms: fieldTerms(reflect.TypeFor[event.Event](), eventTexts(), "hints")},
		{title: "Fields of a service", terms: fieldTerms(reflect.TypeFor[lxc.Service](), serviceTexts())},
		{title: "On Redis", text: "Each event is published to `container:<containerId>:progress`, appended to the list `container:<containerId>:logs` (2000 entries, two days) and to the stream `infrahaus:events`. Redis is a mirror: if it is down or slow, a run warns once and goes on."},
		{title: "Secrets", text: "Events hold no values of credentials. What the tool knows to be secret is replaced by `***` before an event leaves the run; what a script saves with save_credential is hidden from that moment on."},
	}}
}

func eventLine(e event.Event) string {
	line, err := e.Line()
	if err != nil {
		panic("cli: " + err.Error()) // cannot happen: texts and numbers
	}
	return string(line)
}
