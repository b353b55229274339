#!/bin/sh
echo "$token $key" | wc -c
