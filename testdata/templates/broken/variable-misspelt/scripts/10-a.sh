#!/bin/sh
echo "$domain"
echo "$domian"
