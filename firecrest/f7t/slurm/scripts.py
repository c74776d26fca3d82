"""Constant shell programs for what must be one remote command; user data are their arguments.

Results are framed: a record separator (0x1e) before each part, its name, a blank, then its text.
The text of a part is the scheduler's; parts after it could be forged by a job's name only towards
the user who gave the job that name.
"""

from __future__ import annotations

PART = "\x1e"
PARTS = ("refused", "begun", "job", "info", "noinfo", "directory", "jobs", "accounting")

ALREADY_SUBMITTED = 81
NO_DIRECTORY = 82
NO_SCRIPT = 83
REFUSED = 84
MISSING = 91
A_DIRECTORY = 92
DENIED = 93

# The job inherits sbatch's environment: what the gateway added for its own sake is taken out.
_SUBMIT_AND_DESCRIBE = rf"""
unset LC_ALL SLURM_TIME_FORMAT
f7t_id=$("$@" "$f7t_script")
f7t_status=$?
if [ "$f7t_status" -ne 0 ]; then
  printf '\036refused %s' "$f7t_status"
  exit {REFUSED}
fi
printf '\036job %s' "$f7t_id"
f7t_id=${{f7t_id##*
}}
if f7t_info=$(LC_ALL=C SLURM_TIME_FORMAT=standard scontrol -o show job "${{f7t_id%%;*}}" 2>&1); then
  printf '\036info %s' "$f7t_info"
else
  printf '\036noinfo %s' "$f7t_info"
fi
"""

# Every process costs the machine a millisecond and more: dd copies and counts in one.
# Arguments: directory, script name, size of the script, then the command that submits.
# The directory is the lock: only who makes it submits. A connection that breaks ends the script's
# transfer early, which the size tells; then it is as if nothing had begun. Variables have a prefix:
# one of that name in the user's environment would reach the job with our value.
SUBMIT_SCRIPT = (
    rf"""
f7t_dir=$1 f7t_script=$1/$2 f7t_size=$3
shift 3
case $f7t_dir in
  */*) [ -d "${{f7t_dir%/*}}/" ] || mkdir -p -- "${{f7t_dir%/*}}/" || exit {NO_DIRECTORY} ;;
esac
if [ -d "$f7t_dir" ]; then exit {ALREADY_SUBMITTED}; fi
mkdir -- "$f7t_dir" || {{
  if [ -d "$f7t_dir" ]; then exit {ALREADY_SUBMITTED}; fi
  exit {NO_DIRECTORY}
}}
f7t_copied=$(LC_ALL=C dd of="$f7t_script" bs=64k 2>&1) || printf '%s\n' "$f7t_copied" >&2
case $f7t_copied in
  *"
$f7t_size byte"*) ;;
  *)
    rm -f -- "$f7t_script"
    rmdir -- "$f7t_dir"
    exit {NO_SCRIPT} ;;
esac
cd -- "$f7t_dir" || exit {NO_DIRECTORY}
"""
    + _SUBMIT_AND_DESCRIBE
)

# The same for a shell that stays, which runs it in a subshell: the script is an argument, since the
# shell reads commands from its input. One that a broken connection cuts off is no whole command,
# and nothing begins. The script is the lock: only who makes it submits. Where the
# directory is there already, the only process is the command that submits.
# Arguments: directory, script name, script, then the command that submits.
SUBMIT_FUNCTION = rf"""
f7t_submit() {{
f7t_dir=$1 f7t_script=$1/$2 f7t_text=$3
shift 3
[ -d "$f7t_dir/" ] || mkdir -p -- "$f7t_dir" || exit {NO_DIRECTORY}
cd -- "$f7t_dir" || exit {NO_DIRECTORY}
set -C
printf '' 2>/dev/null >"$f7t_script" || {{
  if [ -e "$f7t_script" ]; then exit {ALREADY_SUBMITTED}; fi
  exit {NO_SCRIPT}
}}
set +C
printf %s "$f7t_text" >>"$f7t_script" || {{
  rm -f -- "$f7t_script"
  rmdir -- "$f7t_dir"
  exit {NO_SCRIPT}
}}
unset LC_ALL SLURM_TIME_FORMAT
printf '\036begun '
exec "$@" "$f7t_script"
}}
"""

# Arguments: path of the script, then the command that submits.
SUBMIT_PATH = (
    rf"""
f7t_script=$1
shift
case $f7t_script in
  /*) ;;
  *) f7t_script=$PWD/$f7t_script ;;
esac
f7t_dir=${{f7t_script%/*}}/
if [ -d "$f7t_script" ]; then exit {A_DIRECTORY}; fi
if [ ! -e "$f7t_script" ]; then
  if [ -d "$f7t_dir" ] && [ ! -x "$f7t_dir" ]; then exit {DENIED}; fi
  exit {MISSING}
fi
if [ ! -r "$f7t_script" ]; then exit {DENIED}; fi
cd -- "$f7t_dir" || exit {DENIED}
"""
    + _SUBMIT_AND_DESCRIBE
)

# Argument: the task's directory. Its last component is unique; the controller forgets a job some
# minutes after its end, accounting learns of a new one some seconds late.
FIND_SUBMISSION = r"""
printf '\036directory %s' "$1"
jobs=$(scontrol -o show job 2>&1) || { printf '%s' "$jobs" >&2; exit 1; }
printf '\036jobs %s' "$(printf '%s\n' "$jobs" | grep -F -- "/${1##*/}")"
since=$(date -d '8 days ago' +%Y-%m-%dT%H:%M:%S) || exit
printf '\036accounting '
sacct -n -X -P --delimiter="$(printf '\037')" -S "$since" -u "$(id -un)" -o jobid,workdir |
  grep -F -- "/${1##*/}"
exit 0
"""

# Arguments: one text per question, `<id to ask for> <wanted id> ...`. A job that is gone meanwhile
# is no failure: it has no record.
JOB_FILES = r"""
for question do
  printf '\036files %s\n' "$question"
  scontrol -o show job "${question%% *}" 2>/dev/null
done
exit 0
"""

# Arguments: raw ids, of arrays and heterogeneous jobs the first. All records of the controller, of
# which those of these jobs go over the line: a process per job would cost the controller and the
# machine far more. A line that begins no record continues a job's name.
MANY_JOB_FILES = r"""
printf '\036all\n'
scontrol -ao show job 2>/dev/null | LC_ALL=C awk '
BEGIN { for (i = 1; i < ARGC; i++) wanted["=" ARGV[i]] = 1; ARGC = 1 }
/^JobId=[0-9]+ / {
  shown = 0
  for (i = 1; i <= NF && $i !~ /^JobName=/; i++)
    if ($i ~ /^(JobId|ArrayJobId|HetJobId|PackJobId)=/ && substr($i, index($i, "=")) in wanted)
      shown = 1
}
shown
' "$@"
exit 0
"""
