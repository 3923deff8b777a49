# bash completion for waxseal(1) and waxseald(8); read by bash-completion
_waxseal()
{
    local cur=${COMP_WORDS[COMP_CWORD]} at=1 words=
    COMPREPLY=()

    if [[ ${COMP_WORDS[1]} == -c ]]; then
        at=3
    fi
    if ((COMP_CWORD == 2 && at == 3)); then
        COMPREPLY=($(compgen -f -- "$cur"))
        return
    fi
    case ${COMP_WORDS[at]}/$((COMP_CWORD - at)) in
        */0) words='rules dane status clock probe explain' && ((at == 1)) && words+=' -c --help' ;;
        rules/1) words='show install remove check' ;;
        status/1 | probe/1 | explain/1) words=--json ;;
        clock/1) words=reset ;;
        dane/1) words='verify make check' ;;
        dane/*)
            case ${COMP_WORDS[at + 1]}/${COMP_WORDS[COMP_CWORD - 1]} in
                verify/--chain | verify/--ca-file | make/make | check/check)
                    COMPREPLY=($(compgen -f -- "$cur"))
                    return
                    ;;
                verify/--tlsa | verify/--name | verify/--base | verify/--at) ;;
                verify/*) words='--chain --tlsa --name --base --at --ca-file --rfc7672' ;;
            esac
            ;;
    esac
    COMPREPLY=($(compgen -W "$words" -- "$cur"))
}

_waxseald()
{
    local cur=${COMP_WORDS[COMP_CWORD]}

    if [[ ${COMP_WORDS[COMP_CWORD - 1]} == -c ]]; then
        COMPREPLY=($(compgen -f -- "$cur"))
    else
        COMPREPLY=($(compgen -W '-c -f -t --version' -- "$cur"))
    fi
}

complete -o filenames -F _waxseal waxseal
complete -o filenames -F _waxseald waxseald
