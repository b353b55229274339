package api

import (
	"bufio"
	"crypto/sha1"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/infrahaus/infrahaus/internal/sandbox/driver"
	"github.com/infrahaus/infrahaus/internal/sandbox/node"
)

// ConsolePace is the speed of a console on a real node. Zero values mean no delay.
type ConsolePace struct {
	Open time.Duration // from the request to a terminal: 0.47 s measured
	In   int           // bytes typed in a second: 0.3 MB measured, in lines of 1,000 bytes
	Out  int           // bytes shown in a second: 8 MB measured
}

// maxPayload is pveproxy's limit for one frame of a client.
const maxPayload = 128 << 10

// opcodes of RFC 6455.
const (
	opText   = 1
	opBinary = 2
	opClose  = 8
	opPing   = 9
	opPong   = 10
)

// termproxy is POST termproxy.
func termproxy(c *call) (any, error) {
	c.srv.pause(c.srv.opt.Console.Open)
	return c.at.TermProxy(c.auth, c.vmid())
}

// vncwebsocket is the API's method of that name: it checks the ticket. Its result makes
// the connection if the request asks for one.
func vncwebsocket(c *call) (any, error) {
	if err := c.srv.node.CheckVNCTicket(c.auth, c.vmid(), c.params["vncticket"]); err != nil {
		c.srv.pause(c.srv.opt.AuthDelay)
		return nil, err
	}
	if strings.EqualFold(c.head.Get("Upgrade"), "websocket") {
		accept, err := handshake(c.head)
		if err != nil {
			return nil, &node.Error{Status: 501, Message: err.Error()}
		}
		c.upgrade = func(conn net.Conn, r *bufio.Reader) { c.srv.proxy(conn, r, c.number("port", 0), accept) }
	}
	return map[string]any{"port": c.params["port"]}, nil
}

// handshake checks a request for a websocket and returns its accept key.
func handshake(h http.Header) (string, error) {
	protocols := strings.FieldsFunc(strings.Join(h.Values("Sec-Websocket-Protocol"), ","), func(r rune) bool { return r == ',' || r == ' ' })
	binaryToo := false
	for _, p := range protocols {
		binaryToo = binaryToo || p == "binary"
	}
	key := h.Get("Sec-Websocket-Key")
	switch v := h.Get("Sec-Websocket-Version"); {
	case v != "13":
		return "", fmt.Errorf("unsupported websocket version '%s'", v)
	case len(protocols) == 0:
		return "", errors.New("missing websocket-protocol header")
	case !binaryToo:
		return "", fmt.Errorf("unsupported websocket-protocol protocol '%s'", strings.Join(protocols, ","))
	case key == "":
		return "", errors.New("missing websocket-key")
	}
	sum := sha1.Sum([]byte(key + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"))
	return base64.StdEncoding.EncodeToString(sum[:]), nil
}

// proxy connects a websocket with a port of the node, as websocket_proxy does. If no
// program listens on the port, the client's connection ends without an answer.
func (s *Server) proxy(conn net.Conn, r *bufio.Reader, port int, accept string) {
	up, err := s.node.Dial(port)
	if err != nil {
		return
	}
	defer up.Close()
	head := "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: upgrade\r\nSec-WebSocket-Accept: " + accept +
		"\r\nSec-WebSocket-Protocol: binary\r\n\r\n"
	if _, err := io.WriteString(conn, head); err != nil {
		return
	}
	w := &frames{w: conn, pace: pace{rate: s.opt.Console.Out}, cut: -1}
	if v, ok := s.node.Faults().Take(driver.FaultConsoleCut); ok {
		if w.cut, err = strconv.Atoi(v); err != nil {
			w.cut = 4096
		}
	}
	go func() {
		_ = fromClient(r, up, w, &pace{rate: s.opt.Console.In}) // any error ends the connection
		_ = up.Close()
		_ = conn.Close()
	}()
	buf := make([]byte, 8<<10)
	for {
		n, err := up.Read(buf)
		if n > 0 {
			if err := w.frame(opBinary, buf[:n]); err != nil {
				return
			}
		}
		if err != nil {
			return // no close frame: pveproxy only closes the connection
		}
	}
}

// fromClient accepts the same frames as pveproxy: unfragmented, masked, and not too
// large.
func fromClient(r *bufio.Reader, up io.Writer, back *frames, p *pace) error {
	for {
		op, payload, err := readFrame(r)
		if err != nil {
			return err
		}
		switch op {
		case opText, opBinary:
			_, err = up.Write(payload)
			p.spend(len(payload))
		case opPing:
			err = back.frame(opPong, payload)
		case opClose:
			return io.EOF
		case opPong:
		default:
			err = fmt.Errorf("received unhandled websocket opcode %d", op)
		}
		if err != nil {
			return err
		}
	}
}

func readFrame(r *bufio.Reader) (op byte, payload []byte, err error) {
	var head [2]byte
	if _, err := io.ReadFull(r, head[:]); err != nil {
		return 0, nil, err
	}
	switch {
	case head[0]&0x80 == 0:
		return 0, nil, errors.New("received fragmented websocket frame")
	case head[0]&0x70 != 0:
		return 0, nil, errors.New("received websocket frame with RSV flags")
	case head[1]&0x80 == 0:
		return 0, nil, errors.New("received unmasked websocket frame from client")
	}
	n := uint64(head[1] & 0x7f)
	var long [8]byte
	switch n {
	case 126:
		_, err = io.ReadFull(r, long[6:])
		n = binary.BigEndian.Uint64(long[:])
	case 127:
		_, err = io.ReadFull(r, long[:])
		n = binary.BigEndian.Uint64(long[:])
	}
	if err != nil {
		return 0, nil, err
	}
	if n > maxPayload {
		return 0, nil, fmt.Errorf("received too large websocket frame (len = %d)", n)
	}
	var mask [4]byte
	payload = make([]byte, n)
	if _, err := io.ReadFull(r, mask[:]); err != nil {
		return 0, nil, err
	}
	if _, err := io.ReadFull(r, payload); err != nil {
		return 0, nil, err
	}
	for i := range payload {
		payload[i] ^= mask[i%4]
	}
	return head[0] & 0x0f, payload, nil
}
