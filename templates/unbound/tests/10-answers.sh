#!/bin/sh
set -eu

unbound-checkconf
ss -lun | grep -q ":$port "
# The question for localhost needs no network.
python3 - "$port" <<'PY'
import socket, sys
q = b"\x13\x37\x01\x00\x00\x01\x00\x00\x00\x00\x00\x00\x09localhost\x00\x00\x01\x00\x01"
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.settimeout(10)
s.sendto(q, ("127.0.0.1", int(sys.argv[1])))
a = s.recv(512)
assert a[:2] == q[:2] and a[3] & 15 == 0 and a.endswith(bytes([127, 0, 0, 1])), a
PY
