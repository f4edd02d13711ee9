package daemon

// examineChat reminds of domains at which an account alone does not let anybody in.
func examineChat(cfg Config) []Finding {
	var out []Finding
	for _, domain := range cfg.Domains {
		if cfg.DirectoryOf(domain).Chat == chatGranted {
			out = append(out, finding(Odd, "chat", "at %s only those log in to whom the directory grants it: 'palabre user list --domain %s' shows the others", domain, domain))
		}
	}
	return out
}
