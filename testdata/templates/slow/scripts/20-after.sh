#!/bin/sh
echo "after the slow one"
