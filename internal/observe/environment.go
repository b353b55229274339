package observe

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"
)

// sendLimit bounds one request to the collector, unless the environment says otherwise.
const sendLimit = 10 * time.Second

// collector is where traces go, by the variables of OpenTelemetry:
// https://opentelemetry.io/docs/specs/otel/protocol/exporter/.
type collector struct {
	address string
	headers http.Header
	limit   time.Duration
	gzip    bool
	tls     *tls.Config // nil: that of the system
}

// asked reports whether the environment asks for traces.
func asked(getenv func(string) string) bool {
	if strings.EqualFold(getenv("OTEL_SDK_DISABLED"), "true") || getenv("OTEL_TRACES_EXPORTER") == "none" {
		return false
	}
	return getenv("OTEL_EXPORTER_OTLP_ENDPOINT") != "" || getenv("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT") != ""
}

// read reads the settings. The error repeats no header, because they may be secret.
func read(getenv func(string) string) (c collector, err error) {
	of := func(name string) string { // the variable for traces comes before the one for all signals
		if text := getenv("OTEL_EXPORTER_OTLP_TRACES_" + name); text != "" {
			return text
		}
		return getenv("OTEL_EXPORTER_OTLP_" + name)
	}
	if exporters := getenv("OTEL_TRACES_EXPORTER"); exporters != "" && !slices.Contains(strings.Split(exporters, ","), "otlp") {
		return c, fmt.Errorf("OTEL_TRACES_EXPORTER is %q, and only otlp is known", exporters)
	}
	if protocol := of("PROTOCOL"); protocol == "grpc" {
		return c, errors.New("OTEL_EXPORTER_OTLP_PROTOCOL is grpc, and only http/json is known")
	}
	if c.address, err = addressOf(getenv); err != nil {
		return c, err
	}
	if c.headers, err = headersOf(of("HEADERS")); err != nil {
		return c, err
	}
	c.limit = sendLimit
	if text := of("TIMEOUT"); text != "" {
		ms, err := strconv.Atoi(text)
		if err != nil || ms < 1 {
			return c, fmt.Errorf("OTEL_EXPORTER_OTLP_TIMEOUT is %q, and no number of milliseconds", text)
		}
		c.limit = time.Duration(ms) * time.Millisecond
	}
	switch text := of("COMPRESSION"); text {
	case "", "none":
	case "gzip":
		c.gzip = true
	default:
		return c, fmt.Errorf("OTEL_EXPORTER_OTLP_COMPRESSION is %q, and only gzip and none are known", text)
	}
	c.tls, err = tlsOf(of("CERTIFICATE"), of("CLIENT_CERTIFICATE"), of("CLIENT_KEY"))
	return c, err
}

func addressOf(getenv func(string) string) (string, error) {
	name, below := "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", ""
	if getenv(name) == "" {
		name, below = "OTEL_EXPORTER_OTLP_ENDPOINT", "v1/traces"
	}
	u, err := url.Parse(getenv(name))
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" {
		return "", fmt.Errorf("%s is no address such as http://127.0.0.1:4318", name)
	}
	if below != "" {
		u = u.JoinPath(below)
	}
	return u.String(), nil
}

func headersOf(text string) (http.Header, error) {
	h := http.Header{}
	for pair := range strings.SplitSeq(text, ",") {
		if strings.TrimSpace(pair) == "" {
			continue
		}
		name, value, ok := strings.Cut(pair, "=")
		value, err := url.PathUnescape(strings.TrimSpace(value))
		if !ok || err != nil || strings.TrimSpace(name) == "" {
			return nil, errors.New("OTEL_EXPORTER_OTLP_HEADERS is no list such as name=value,name=value")
		}
		h.Add(strings.TrimSpace(name), value)
	}
	return h, nil
}

func tlsOf(authority, certificate, key string) (*tls.Config, error) {
	if authority == "" && certificate == "" {
		return nil, nil
	}
	c := &tls.Config{MinVersion: tls.VersionTLS12}
	if authority != "" {
		pem, err := os.ReadFile(authority)
		if err != nil {
			return nil, fmt.Errorf("OTEL_EXPORTER_OTLP_CERTIFICATE: %w", err)
		}
		c.RootCAs = x509.NewCertPool()
		if !c.RootCAs.AppendCertsFromPEM(pem) {
			return nil, fmt.Errorf("OTEL_EXPORTER_OTLP_CERTIFICATE: %s has no certificate", authority)
		}
	}
	if certificate != "" {
		pair, err := tls.LoadX509KeyPair(certificate, key)
		if err != nil {
			return nil, fmt.Errorf("OTEL_EXPORTER_OTLP_CLIENT_CERTIFICATE: %w", err)
		}
		c.Certificates = []tls.Certificate{pair}
	}
	return c, nil
}
