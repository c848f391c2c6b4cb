package caddymodule

import "github.com/caddyserver/caddy/v2/caddyconfig/caddyfile"

func (j *JWT) unmarshal(d *caddyfile.Dispenser) error {
	return eachOption(d, func(option string) error {
		switch option {
		case "secret":
			return one(d, &j.Secret)
		case "previous_secret":
			return some(d, &j.PreviousSecrets)
		case "key_file":
			var file KeyFile
			if err := one(d, &file.Path); err != nil {
				return err
			}
			err := eachOption(d, func(option string) error {
				if option == "kid" {
					return one(d, &file.KID)
				}
				return unrecognized(d, "kid")
			})
			j.KeyFiles = append(j.KeyFiles, file)
			return err
		case "expires_in":
			return duration(d, &j.ExpiresIn)
		case "issuer":
			return one(d, &j.Issuer)
		case "audience":
			return one(d, &j.Audience)
		case "leeway":
			return duration(d, &j.Leeway)
		case "allow_short_secret":
			return flag(&j.AllowShortSecret)
		}
		return unrecognized(d, "secret", "previous_secret", "key_file", "expires_in", "issuer", "audience", "leeway", "allow_short_secret")
	}, "previous_secret", "key_file")
}

func (s *Session) unmarshal(d *caddyfile.Dispenser) error {
	err := eachOption(d, func(option string) error {
		switch option {
		case "secret":
			return some(d, &s.Secrets)
		case "cookie":
			return one(d, &s.Cookie)
		case "key_prefix":
			return one(d, &s.KeyPrefix)
		case "ttl":
			return duration(d, &s.TTL)
		case "max_age":
			return duration(d, &s.MaxAge)
		case "rolling":
			return flag(&s.Rolling)
		case "same_site":
			return oneOf(d, &s.SameSite, "lax", "none", "strict")
		case "secure":
			return oneOf(d, &s.Secure, "auto", "always", "never")
		case "domain":
			return one(d, &s.Domain)
		}
		return unrecognized(d, "secret", "cookie", "key_prefix", "ttl", "max_age", "rolling", "same_site", "secure", "domain")
	})
	if err != nil {
		return err
	}
	// Said here too, where the error has a file and a line.
	if err := s.settings().Validate(); err != nil {
		return d.WrapErr(err)
	}
	return nil
}
