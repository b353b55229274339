#!/bin/sh
set -eu

# Its page asks for a password, as a bcrypt hash. The hash stays while it fits.
file=/etc/prometheus/web.yml
hash=$(printf '%s' "$password" | perl -e '
	my $pw = <STDIN>;
	if (open(my $f, "<", $ARGV[0])) { for (<$f>) { if (/admin: "(.*)"/ && crypt($pw, $1) eq $1) { print $1; exit } } }
	open(my $r, "<", "/dev/urandom"); read($r, my $b, 22);
	my @c = (".", "/", "A" .. "Z", "a" .. "z", 0 .. 9);
	print crypt($pw, q($2y$10$) . join("", map { $c[ord($_) % 64] } split(//, $b)));' "$file")
case $hash in '$2y$'*) ;; *) log_error "cannot hash the password"; exit 1 ;; esac
printf 'basic_auth_users:\n  admin: "%s"\n' "$hash" >"$file.new"
list=
for t in $targets; do list="$list${list:+, }\"$t\""; done
printf '[{"targets": [%s]}]\n' "$list" >/etc/prometheus/targets.json
if ! cmp -s "$file.new" "$file"; then
	chown prometheus: "$file.new"
	chmod 0600 "$file.new"
	mv "$file.new" "$file"
	systemctl restart prometheus
fi
rm -f "$file.new"
save_credential prometheus USER admin
save_credential prometheus PASSWORD "$password"
