package daemon

import (
	"context"
	"os"

	"palabre/mail"
)

// examineMail tries the relay, and says why no history can be sent by e-mail.
func examineMail(ctx context.Context, cfg Config) []Finding {
	const about = "mail"
	s := cfg.SMTP
	if s.Address == "" {
		return []Finding{finding(Odd, about, "[smtp] address is not set: nobody is offered to have a history sent by e-mail")}
	}
	if s.Username != "" {
		info, err := os.Stat(s.PasswordFile)
		switch {
		case err != nil:
			return []Finding{finding(Bad, about, "the password for the mail relay can't be read: %v", err)}
		case info.Mode().Perm()&0o004 != 0:
			return []Finding{finding(Bad, about, "%s holds a password and can be read by everybody: run 'chmod 640 %s'", s.PasswordFile, s.PasswordFile)}
		}
	}
	relay, err := cfg.relay()
	if err != nil {
		return []Finding{finding(Bad, about, "%v", err)}
	}
	o, err := mail.New(mail.Options{Relay: relay, Times: cfg.Tuning.Mail})
	if err != nil {
		return []Finding{finding(Bad, about, "smtp.from: %v", err)}
	}
	how, err := o.Examine(ctx)
	if err != nil {
		return []Finding{finding(Bad, about, "%v", err)}
	}
	who := "without a login"
	if s.Username != "" {
		who = "from " + s.Username
	}
	return []Finding{finding(Fine, about, "%s takes mail %s (%s); 'palabre mail test ADDRESS' sends one", s.Address, who, how)}
}
