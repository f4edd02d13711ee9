package daemon

import "palabre/directory"

// lookups answer clients who is who.
func (d *Daemon) lookups() *directory.Module {
	services, rooms := map[string]string{}, map[string]string{}
	for _, domain := range d.Config.Domains {
		rooms[domain] = d.Config.RoomsOf(domain).Service
		services[d.Config.DirectoryOf(domain).Service] = domain
	}
	return directory.NewModule(directory.ModuleOptions{Source: d.Store, Services: services, Rooms: rooms, Off: d.Config.Limits.Off})
}
