#!/bin/sh
echo "$domain"
