#!/bin/sh
set -eu

. /etc/infrahaus/credentials/git
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
(umask 077 && printf '%s\n' "$ADMIN_KEY" >key)
export GIT_SSH_COMMAND="ssh -F none -i $work/key -o IdentitiesOnly=yes -o UserKnownHostsFile=$work/known -o StrictHostKeyChecking=accept-new"
export GIT_AUTHOR_NAME=test GIT_AUTHOR_EMAIL=test@localhost GIT_COMMITTER_NAME=test GIT_COMMITTER_EMAIL=test@localhost

git init -q -b main testing
cd testing
echo works >file
git add file
git commit -q -m first
git push -q git@127.0.0.1:testing main:infrahaus-test
git ls-remote git@127.0.0.1:testing infrahaus-test | grep refs/heads/infrahaus-test
git push -q git@127.0.0.1:testing :infrahaus-test
$GIT_SSH_COMMAND git@127.0.0.1 info | grep -w gitolite-admin
# A stranger gets in nowhere.
ssh-keygen -q -t ed25519 -N '' -f "$work/other"
if GIT_SSH_COMMAND="ssh -F none -i $work/other -o IdentitiesOnly=yes -o BatchMode=yes -o UserKnownHostsFile=$work/known" git ls-remote git@127.0.0.1:testing; then
	echo "an unknown key is let in"
	exit 1
fi
