package muc

import "palabre/server"

// register says who answers which request.
func (s *Service) register(h *server.Host) {
	s.registerOwner(h)
	s.registerDisco(h)
	s.registerAvatar(h)
	s.registerModeration(h)
	s.registerArchive(h)
	s.registerRegistration(h)
	s.registerCommands(h)
	s.registerMail(h)
	s.registerAdmin(h)
}
