"""The simulated cluster as every runtime has it: site, daemons, files, the running supervisor."""
