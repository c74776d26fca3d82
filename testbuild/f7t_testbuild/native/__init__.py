"""The native runtime: real daemons of this machine in a private place, no container engine."""
