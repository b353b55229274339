#!/bin/sh
read -r answer
apt-get install nginx
mysql_secure_installation
