"""What is opened to the machines, counted as it happens: SSH connections and channels over them."""

from __future__ import annotations

from prometheus_client import Counter

connects = Counter("f7t_ssh_connects_total", "SSH connections opened, the login included")
channels = Counter("f7t_ssh_channels_total", "SSH channels opened: commands and SFTP sessions")
