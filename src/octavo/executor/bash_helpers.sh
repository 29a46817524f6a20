# The functions a bash step may call: script-execution.md §2.6.1. Safe under `set -euo pipefail`; bash 3.2 is enough.
# They need no program: `base64`, `wc` and `basename` are used where they are faster, never required.

__octavo_base64_short() {
  local LC_ALL=C text=$1 alphabet=ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/ i a b c
  for ((i = 0; i < ${#text}; i += 3)); do
    b=0 c=0
    printf -v a %d "'${text:i:1}"
    if ((i + 1 < ${#text})); then printf -v b %d "'${text:i+1:1}"; fi
    if ((i + 2 < ${#text})); then printf -v c %d "'${text:i+2:1}"; fi
    ((a &= 255, b &= 255, c &= 255, 1))
    __octavo_encoded+=${alphabet:a>>2:1}${alphabet:(a&3)<<4|b>>4:1}
    if ((i + 1 < ${#text})); then __octavo_encoded+=${alphabet:(b&15)<<2|c>>6:1}; else __octavo_encoded+="="; fi
    if ((i + 2 < ${#text})); then __octavo_encoded+=${alphabet:c&63:1}; else __octavo_encoded+="="; fi
  done
}

__octavo_base64() {
  local LC_ALL=C text=$1 i
  __octavo_encoded=
  if ((${#text} > 768)) && type -P base64 >/dev/null; then
    __octavo_encoded=$(printf '%s' "$text" | base64)
    __octavo_encoded=${__octavo_encoded//$'\n'/}
    return 0
  fi
  for ((i = 0; i < ${#text}; i += 3000)); do __octavo_base64_short "${text:i:3000}"; done
}

__octavo_message() {
  local message="##octopus[$1" __octavo_encoded
  shift
  while (($#)); do
    __octavo_base64 "$2"
    message+=" $1='$__octavo_encoded'"
    shift 2
  done
  printf '%s]\n' "$message"
}

__octavo_wrapped() { printf '##octopus[stdout-%s]\n%s\n##octopus[stdout-default]\n' "$1" "$2"; }

encode_servicemessagevalue() {
  local __octavo_encoded
  __octavo_base64 "${1-}"
  printf '%s' "$__octavo_encoded"
}

decode_servicemessagevalue() { printf '%s' "${1-}" | base64 -d; }

set_octopusvariable() {
  if [[ ${3-} == -sensitive ]]; then
    __octavo_message setVariable name "${1-}" value "${2-}" sensitive True
  else
    __octavo_message setVariable name "${1-}" value "${2-}"
  fi
}

new_octopusartifact() {
  local path=${1-} name=${2-} folder length=0
  printf 'Collecting %s as an artifact...\n' "$path"
  folder=${path%/*}
  if [[ $path != */* ]]; then folder=.; elif [[ -z $folder ]]; then folder=/; fi
  folder=$(CDPATH='' cd -P -- "$folder" 2>/dev/null && pwd -P) || { if [[ $path == /* ]]; then folder=${path%/*}; else folder=$PWD; fi; }
  path=${folder%/}/${path##*/}
  if [[ -z $name ]]; then name=${path##*/}; fi
  if [[ -f $path ]] && type -P wc >/dev/null; then length=$(wc -c <"$path") && ((length += 0, 1)) || length=0; fi
  __octavo_wrapped verbose "Artifact $name will be collected from $path after this step completes"
  __octavo_message createArtifact path "$path" name "$name" length "$length"
}

update_progress() { __octavo_message progress percentage "${1-}" message "${2-}"; }

fail_step() {
  if [[ -n ${1-} ]]; then __octavo_message resultMessage message "$1"; fi
  exit 1
}

write_verbose() { __octavo_wrapped verbose "${1-}"; }
write_highlight() { __octavo_wrapped highlight "${1-}"; }
write_wait() { __octavo_wrapped wait "${1-}"; }
write_warning() { __octavo_wrapped warning "${1-}"; }
write_error() { printf '%s\n' "${1-}" >&2; }

set_environmentstate() {
  local sensitive=() type=State
  if [[ ${3-} == -sensitive ]]; then
    sensitive=(sensitive True)
    type=${4:-State}
  else
    type=${3:-State}
  fi
  __octavo_message set-environmentstate key "${1-}" value "${2-}" ${sensitive[@]+"${sensitive[@]}"} type "$type"
}

set_environmenturl() { __octavo_message set-environmentstate key "${1-}" value "${2-}" type Url; }

new_octopustarget() {
  local attributes=()
  while (($#)); do
    case $1 in
      -n | --name) attributes+=(name "${2-}") ;;
      -t | --target-id) attributes+=(targetId "${2-}") ;;
      --inputs) attributes+=(inputs "${2-}") ;;
      --roles) attributes+=(octopusRoles "${2-}") ;;
      --worker-pool) attributes+=(octopusDefaultWorkerPoolIdOrName "${2-}") ;;
      --update-if-existing)
        attributes+=(updateIfExisting True)
        shift
        continue
        ;;
      *)
        printf 'new_octopustarget: unknown option %s\n' "$1" >&2
        return 1
        ;;
    esac
    shift
    if (($#)); then shift; fi
  done
  __octavo_message createStepPackageTarget ${attributes[@]+"${attributes[@]}"}
}

remove-octopustarget() { __octavo_message delete-target machine "${1-}"; }

report_kubernetes_manifest() {
  local document= line
  while IFS= read -r line || [[ -n $line ]]; do
    if [[ $line == --- ]]; then
      __octavo_manifest "$document" "${2-}"
      document=
    else
      document+=$line$'\n'
    fi
  done <<<"${1-}"
  __octavo_manifest "$document" "${2-}"
}

__octavo_manifest() {
  if [[ $1 == *[![:space:]]* ]]; then __octavo_message k8s-manifest-applied manifest "$1" ns "$2"; fi
}

report_kubernetes_manifest_file() {
  if [[ -f ${1-} ]]; then
    report_kubernetes_manifest "$(<"$1")" "${2-}"
  else
    __octavo_wrapped verbose "The manifest file ${1-} does not exist"
  fi
}

log_environment_information() {
  printf '##octopus[stdout-verbose]\nBash environment:\n  OperatingSystem: %s\n  Machine: %s\n  User: %s\n' \
    "${OSTYPE-}" "${HOSTNAME-}" "${USER:-$EUID}"
  printf '  CurrentDirectory: %s\n  Bash: %s\n##octopus[stdout-default]\n' "$PWD" "$BASH_VERSION"
}
