package fetch

import (
	"bytes"
	"compress/zlib"
	"context"
	"crypto/sha1"
	"encoding/binary"
	"errors"
	"strings"
	"testing"
)

// packOf makes a pack by hand: of each object its type and the text that is compressed.
func packOf(objects ...packed) []byte {
	var b bytes.Buffer
	b.WriteString("PACK")
	_ = binary.Write(&b, binary.BigEndian, []uint32{2, uint32(len(objects))})
	for _, o := range objects {
		size := len(o.body)
		head := byte(o.kind<<4) | byte(size&0xf)
		for size >>= 4; size > 0; size >>= 7 {
			b.WriteByte(head | 0x80)
			head = byte(size & 0x7f)
		}
		b.WriteByte(head)
		b.Write(o.base)
		z := zlib.NewWriter(&b)
		_, _ = z.Write(o.body)
		_ = z.Close()
	}
	sum := sha1.Sum(b.Bytes())
	b.Write(sum[:])
	return b.Bytes()
}

type packed struct {
	kind int
	base []byte // of a delta: which object it changes
	body []byte
}

// A server must not fill the memory with a few bytes.
func TestPackBomb(t *testing.T) {
	large := packed{kind: 3, body: make([]byte, maxObject+1)}
	// A delta of a few bytes says that its result is 1 TiB.
	delta := packed{kind: 7, base: make([]byte, 20), body: []byte{1, 0x80, 0x80, 0x80, 0x80, 0x80, 0x20, 0x90, 1}}
	for name, c := range map[string]struct {
		pack []byte
		why  string
	}{
		"good":   {packOf(packed{kind: 3, body: []byte("x")}), ""},
		"large":  {packOf(large), errBomb.Error()},
		"delta":  {packOf(delta), errBomb.Error()},
		"many":   {append([]byte("PACK"), 0, 0, 0, 2, 0xff, 0xff, 0xff, 0xff), "more than"},
		"cut":    {packOf(packed{kind: 3, body: []byte("hello")})[:15], "damaged"},
		"nopack": {[]byte("<html>"), "no pack"},
	} {
		err := checkPack(context.Background(), bytes.NewReader(c.pack))
		if (err == nil) != (c.why == "") || err != nil && !strings.Contains(err.Error(), c.why) {
			t.Errorf("%s: %v; want %q", name, err, c.why)
		}
	}
	ctx, cancel := context.WithCancelCause(context.Background())
	stop := errors.New("stopped")
	cancel(stop)
	if err := checkPack(ctx, bytes.NewReader(packOf(large))); !errors.Is(err, stop) {
		t.Errorf("stopped: %v", err)
	}
}

func FuzzPack(f *testing.F) {
	f.Add(packOf(packed{kind: 3, body: []byte("x")}, packed{kind: 7, base: make([]byte, 20), body: []byte{1, 1, 0x90, 1}}))
	f.Fuzz(func(t *testing.T, data []byte) {
		_ = checkPack(context.Background(), bytes.NewReader(data))
	})
}
