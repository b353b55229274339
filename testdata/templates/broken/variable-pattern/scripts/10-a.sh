#!/bin/sh
echo "$site"
