#!/bin/sh
echo made once >/etc/image
