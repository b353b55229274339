package observe

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	sdk "go.opentelemetry.io/otel/sdk/trace"
)

// exporter sends spans as OTLP in JSON over HTTP. OpenTelemetry's own exporter brings gRPC and
// its reflection along, which make the program half as large again.
type exporter struct {
	to     collector
	client *http.Client
}

func newExporter(to collector) *exporter {
	t := http.DefaultTransport.(*http.Transport).Clone()
	t.TLSClientConfig = to.tls
	return &exporter{to: to, client: &http.Client{Transport: t, Timeout: to.limit}}
}

// ExportSpans sends spans once. What cannot be sent is lost.
func (x *exporter) ExportSpans(ctx context.Context, spans []sdk.ReadOnlySpan) error {
	body, err := json.Marshal(encode(spans))
	if err != nil {
		return err
	}
	if x.to.gzip {
		var b bytes.Buffer
		w := gzip.NewWriter(&b)
		_, _ = w.Write(body) // to memory
		_ = w.Close()
		body = b.Bytes()
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, x.to.address, bytes.NewReader(body))
	if err != nil {
		return err
	}
	req.Header = x.to.headers.Clone()
	req.Header.Set("Content-Type", "application/json")
	if x.to.gzip {
		req.Header.Set("Content-Encoding", "gzip")
	}
	res, err := x.client.Do(req)
	if err != nil {
		return err
	}
	defer res.Body.Close()
	_, _ = io.Copy(io.Discard, io.LimitReader(res.Body, 64<<10)) // so that the connection can be used again
	if res.StatusCode/100 != 2 {
		return fmt.Errorf("%s answers %s", x.to.address, res.Status)
	}
	return nil
}

// Shutdown closes the connections.
func (x *exporter) Shutdown(context.Context) error {
	x.client.CloseIdleConnections()
	return nil
}

// The messages of OTLP, in its JSON: ids are hexadecimal, 64-bit numbers are texts.
// https://github.com/open-telemetry/opentelemetry-proto/blob/main/opentelemetry/proto/trace/v1/trace.proto
type (
	otlpTraces struct {
		ResourceSpans []otlpResource `json:"resourceSpans"`
	}
	otlpResource struct {
		Resource   otlpAttributes `json:"resource"`
		ScopeSpans []otlpScope    `json:"scopeSpans"`
	}
	otlpScope struct {
		Scope struct {
			Name    string `json:"name"`
			Version string `json:"version,omitempty"`
		} `json:"scope"`
		Spans []otlpSpan `json:"spans"`
	}
	otlpAttributes struct {
		Attributes []otlpPair `json:"attributes,omitempty"`
	}
	otlpPair struct {
		Key   string         `json:"key"`
		Value map[string]any `json:"value"`
	}
	otlpSpan struct {
		TraceID      string `json:"traceId"`
		SpanID       string `json:"spanId"`
		ParentSpanID string `json:"parentSpanId,omitempty"`
		Name         string `json:"name"`
		Kind         int    `json:"kind"` // 1: internal
		Start        string `json:"startTimeUnixNano"`
		End          string `json:"endTimeUnixNano"`
		otlpAttributes
		DroppedAttributes int         `json:"droppedAttributesCount,omitempty"`
		Events            []otlpEvent `json:"events,omitempty"`
		DroppedEvents     int         `json:"droppedEventsCount,omitempty"`
		Status            otlpStatus  `json:"status"`
	}
	otlpEvent struct {
		At   string `json:"timeUnixNano"`
		Name string `json:"name"`
		otlpAttributes
	}
	otlpStatus struct {
		Code    int    `json:"code,omitempty"` // 1: ok, 2: error
		Message string `json:"message,omitempty"`
	}
)

// encode puts spans, which are all of one resource and one scope, into the form of OTLP.
func encode(spans []sdk.ReadOnlySpan) otlpTraces {
	if len(spans) == 0 {
		return otlpTraces{ResourceSpans: []otlpResource{}}
	}
	var scope otlpScope
	first := spans[0].InstrumentationScope()
	scope.Scope.Name, scope.Scope.Version = first.Name, first.Version
	for _, s := range spans {
		scope.Spans = append(scope.Spans, encodeSpan(s))
	}
	return otlpTraces{ResourceSpans: []otlpResource{{Resource: encodePairs(spans[0].Resource().Attributes()), ScopeSpans: []otlpScope{scope}}}}
}

func encodeSpan(s sdk.ReadOnlySpan) otlpSpan {
	out := otlpSpan{
		TraceID: s.SpanContext().TraceID().String(), SpanID: s.SpanContext().SpanID().String(), Name: s.Name(), Kind: 1,
		Start: nanos(s.StartTime()), End: nanos(s.EndTime()), otlpAttributes: encodePairs(s.Attributes()),
		DroppedAttributes: s.DroppedAttributes(), DroppedEvents: s.DroppedEvents(),
	}
	if s.Parent().SpanID().IsValid() {
		out.ParentSpanID = s.Parent().SpanID().String()
	}
	for _, e := range s.Events() {
		out.Events = append(out.Events, otlpEvent{At: nanos(e.Time), Name: e.Name, otlpAttributes: encodePairs(e.Attributes)})
	}
	switch st := s.Status(); st.Code {
	case codes.Ok:
		out.Status.Code = 1
	case codes.Error:
		out.Status.Code, out.Status.Message = 2, st.Description
	}
	return out
}

func nanos(t time.Time) string { return strconv.FormatInt(t.UnixNano(), 10) }

func encodePairs(pairs []attribute.KeyValue) otlpAttributes {
	var out otlpAttributes
	for _, p := range pairs {
		value := map[string]any{"stringValue": p.Value.String()}
		switch p.Value.Type() {
		case attribute.INT64:
			value = map[string]any{"intValue": p.Value.String()}
		case attribute.BOOL:
			value = map[string]any{"boolValue": p.Value.AsBool()}
		}
		out.Attributes = append(out.Attributes, otlpPair{string(p.Key), value})
	}
	return out
}
