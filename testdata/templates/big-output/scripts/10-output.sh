#!/bin/sh
echo "first"
head -c 1000000 /dev/zero | tr '\000' x
echo
i=0
while [ "$i" -lt 100 ]; do
	i=$((i + 1))
	printf 'progress %d%%\r' "$i"
done
printf '\n'
printf 'latin1 \344\366\374, cut short \342\202, nul \000, tab\t, escape \033[31mred\033[0m\n'
echo "on stderr" >&2
i=0
while [ "$i" -lt 500 ]; do
	i=$((i + 1))
	echo "out $i"
	echo "err $i" >&2
done
printf 'last, without a newline'
