"""The agent: a language model that decides, tools that do, and the run that leads from a message to an answer."""
