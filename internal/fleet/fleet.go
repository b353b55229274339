// Package fleet decides the work on many containers, and in which order and how many at
// once it is done: names, addresses, dependencies, places, limits. It is pure but for the
// goroutines of Crew, and must not know how one container is made, Proxmox, the catalogue
// or a display.
package fleet
