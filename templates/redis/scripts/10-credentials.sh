#!/bin/sh
set -eu

save_credential redis PASSWORD "$password"
save_credential redis PORT "$port"
