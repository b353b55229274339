package provision

import (
	"context"
	"time"

	"github.com/infrahaus/infrahaus/internal/guest"
)

// goingDownTimeout bounds the question, which is asked after a failure only.
const goingDownTimeout = 10 * time.Second

// goingDownProbe is true in a guest whose init is shutting it down, or that was
// restarted since the attempt in $ih_d was claimed: the agent knows the boot in
// ih_b.
const goingDownProbe = `ih_l=
{ read -r ih_l <"$ih_d/claim/boot"; } 2>/dev/null && [ "$ih_l" != "$ih_b" ] && exit 0
if [ -d /run/systemd/system ]; then
	# Late in a shutdown systemd does not answer any more.
	case $(systemctl is-system-running 2>/dev/null) in
	running | degraded | starting | initializing | maintenance) exit 1 ;;
	esac
else
	ih_l=
	{ read -r ih_l </run/openrc/softlevel; } 2>/dev/null
	[ "$ih_l" = shutdown ] || [ "$ih_l" = reboot ]
fi`

// goingDown says that a script, whose attempt is in dir, failed because its guest
// is being stopped: init sends everything SIGTERM first, and the link often
// outlives the script. Where the link was the first to go, the script's end may
// only be seen after the guest is back.
func (r *Run) goingDown(ctx context.Context, dir string) bool {
	ctx, cancel := context.WithTimeout(ctx, goingDownTimeout)
	defer cancel()
	ask := guest.Cmd{Label: "ask whether the container is being stopped", Script: "ih_d=" + guest.Quote(dir) + "\n" + goingDownProbe}
	status, err := r.guest.Run(ctx, ask)
	if guest.IsDropped(err) {
		err = r.guest.Reconnect(ctx)
		if err == nil {
			status, err = r.guest.Run(ctx, ask)
		}
	}
	if err != nil {
		return guest.IsDropped(err) || guest.KindOf(err) == guest.Gone
	}
	return status == 0
}
