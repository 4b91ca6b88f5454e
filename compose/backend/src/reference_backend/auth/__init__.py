"""Who somebody is: passwords, sessions, tokens, the development identity provider."""
