#!/bin/sh
# Print the Debian mirror in apt's configuration; nothing where there is none.
# shellcheck disable=SC2016  # the $(…) are apt's
apt-get indextargets --format '$(ORIGIN) $(COMPONENT) $(SUITE) $(REPO_URI)' 'Created-By: Packages' 2>/dev/null |
    awk '$1 == "Debian" && $2 == "main" && $3 !~ /security|updates|backports/ { print $4; exit }' || true
