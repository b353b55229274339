#!/bin/sh
rm -rf $dir/cache
