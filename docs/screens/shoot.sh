#!/bin/sh
# Shows each page that TestScreens has written into a folder as a TV would, one
# picture beside each file: shoot.sh FOLDER. It needs Chromium (CHROMIUM names
# another one). 544 is the width that a box has for a page, 420 the height of its
# screen; its letters are about a quarter larger than a browser's.
set -eu
cd "$1"
for page in *.html; do
  "${CHROMIUM:-chromium}" --headless --no-sandbox --disable-gpu --hide-scrollbars --blink-settings=defaultFontSize=20 \
    --window-size=544,420 --screenshot="${page%.html}.png" "file://$PWD/$page" >/dev/null 2>&1
  echo "$1/${page%.html}.png"
done
