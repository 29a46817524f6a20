#!/usr/bin/env bash
# Publishes the site that this script came with: deploy.sh VERSION WORKER FOLDER
set -euo pipefail
version=$1 worker=$2 folder=$3
source=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)

echo "Publishing version $version on $worker into $folder"
mkdir -p "$folder"
cp "$source/site.css" "$folder/"
sed -e "s/#{version}/$version/" -e "s/#{worker}/$worker/" "$source/index.html" > "$folder/index.html"

grep -q "Version <b>$version</b>" "$folder/index.html" || { echo "The page does not show its version" >&2; exit 1; }
echo "Published $(find "$folder" -type f | wc -l) files"
