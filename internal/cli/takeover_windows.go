package cli

import "os"

// notifyResize does nothing: Windows sends no signal for a window's size.
func notifyResize(chan<- os.Signal) {}
