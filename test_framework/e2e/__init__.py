"""What end-to-end tests call: clients of a deployed backend, events and their order, levels, load, memory, mocks.

Needs the extra `e2e`. Import from the modules: this one imports nothing, so that nobody pays for what he does not use.
"""
