#!/bin/sh
if
