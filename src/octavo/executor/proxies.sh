# The proxy variables of a script: script-execution.md §2.5. What is set stays; only its other spelling is added.
__octavo_form_encoded() {
  local LC_ALL=C text=$1 i character
  __octavo_encoded=
  for ((i = 0; i < ${#text}; i++)); do
    character=${text:i:1}
    case $character in
      [a-zA-Z0-9._*-]) __octavo_encoded+=$character ;;
      ' ') __octavo_encoded+=+ ;;
      *)
        printf -v character %d "'$character"
        printf -v character %%%02X $((character & 255))
        __octavo_encoded+=$character
        ;;
    esac
  done
}
__octavo_proxies() {
  local pair lower upper is_set= proxy=http:// __octavo_encoded
  for pair in http_proxy:HTTP_PROXY https_proxy:HTTPS_PROXY no_proxy:NO_PROXY; do
    lower=${pair%:*} upper=${pair#*:}
    if [[ -n ${!lower+x} ]]; then
      is_set=1
      if [[ -z ${!upper+x} ]]; then export "$upper=${!lower}"; fi
    elif [[ -n ${!upper+x} ]]; then
      is_set=1
      export "$lower=${!upper}"
    fi
  done
  if [[ -n $is_set ]]; then return 0; fi
  if [[ -n ${TentacleProxyHost-} ]]; then
    if [[ -n ${TentacleProxyUsername-} ]]; then
      __octavo_form_encoded "$TentacleProxyUsername"
      proxy+=$__octavo_encoded:
      __octavo_form_encoded "${TentacleProxyPassword-}"
      proxy+=$__octavo_encoded@
    fi
    proxy+=$TentacleProxyHost:${TentacleProxyPort-}
    export HTTP_PROXY="$proxy" HTTPS_PROXY="$proxy" http_proxy="$proxy" https_proxy="$proxy"
    export NO_PROXY=127.0.0.1,localhost,169.254.169.254 no_proxy=127.0.0.1,localhost,169.254.169.254
  elif [[ -n ${TentacleUseDefaultProxy-} && ${TentacleUseDefaultProxy-} != [Tt][Rr][Uu][Ee] ]]; then
    export NO_PROXY='*'
  fi
}
__octavo_proxies
