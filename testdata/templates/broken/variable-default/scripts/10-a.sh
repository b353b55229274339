#!/bin/sh
echo "$port $site"
