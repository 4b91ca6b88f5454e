"""What `init` adds to a project that is there already: a plan of whole files, and its writing."""
