package daemon

import "palabre/directory"

// lookups answer clients who is who.
func (d *Daemon) lookups() *directory.Module {
	services := map[string]string{}
	for _, domain := range d.Config.Domains {
		services[d.Config.DirectoryOf(domain).Service] = domain
	}
	return directory.NewModule(directory.ModuleOptions{Source: d.Store, Services: services, Off: d.Config.Limits.Off})
}
