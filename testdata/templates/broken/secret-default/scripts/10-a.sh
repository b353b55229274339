#!/bin/sh
printf %s "$password" | wc -c
