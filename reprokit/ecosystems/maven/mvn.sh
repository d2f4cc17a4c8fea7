#!/bin/sh
# Stands in for Maven in an image that holds the built program, and neither Maven nor a network.
# What was done when the image was built is done; exec:java and exec:exec start the program; all
# that it says itself goes to stderr. Written by reprokit; what it knows of the project stands in
# ../share/reprokit/maven.sh, which is made from the pom.xml files.
set -fu
. "${0%/*}/../share/reprokit/maven.sh"

separator=$(printf '\037')
open='${'
definitions='' pom='' projects='' profiles='' log='' goals='' done='' folder=. place=$root

say() { printf 'mvn: %s\n' "$*" >&2; }

fail() {
    say "$*"
    exit 1
}

# Sets $value to what a property is; fails where nobody sets it.
value_of() {
    IFS=$separator
    for definition in $definitions; do
        case $definition in
        "-D$1="*)
            value=${definition#*=}
            return 0
            ;;
        esac
    done
    case $1 in
    basedir | project.basedir) value=$place ;;
    project.build.directory) value=$place/target ;;
    project.build.outputDirectory) value=$place/target/classes ;;
    user.dir) value=$PWD ;;
    env.*)
        value=$(printenv "${1#env.}")
        ;;
    *) property "$folder:$1" ;;
    esac
}

# Sets $text to a text with its properties filled in; fails where one of them is unknown.
filled() {
    text=$1 rounds=0
    while case $text in *"$open"*'}'*) [ "$rounds" -lt 50 ] ;; *) false ;; esac; do
        rest=${text#*"$open"}
        value_of "${rest%%\}*}" || return 1
        text=${text%%"$open"*}$value${rest#*\}}
        rounds=$((rounds + 1))
    done
}

# Sets $words to the words of a command line, as Maven splits it: quotes of both kinds, no escapes.
split() {
    left=$1 words='' word='' quote='' begun=''
    while [ -n "$left" ]; do
        character=${left%"${left#?}"}
        left=${left#?}
        if [ -n "$quote" ]; then
            if [ "$character" = "$quote" ]; then quote=''; else word=$word$character; fi
            continue
        fi
        case $character in
        \' | \") quote=$character begun=1 ;;
        ' ')
            [ -z "$begun" ] || words=$words$word$separator
            word='' begun=''
            ;;
        *) word=$word$character begun=1 ;;
        esac
    done
    [ -z "$quote" ] || fail "exec.args: a quote is not closed: $1"
    [ -z "$begun" ] || words=$words$word$separator
}

add_definition() {
    case $separator$definitions in
    *"$separator-D${1%%=*}="*) ;;
    *) definitions=$definitions-D$1$separator ;;
    esac
}

# Sets $folder and all that is known of the module there; $known is empty where it was not built.
enter() {
    folder=$1 known=1
    module "$folder" || known='' packaging='' libraries=''
    place=$root
    [ "$folder" = . ] || place=$root/$folder
    classpath="$place/target/classes:$place/target/dependency/*"
    IFS=:
    for library in $libraries; do classpath=$classpath:$root/$library; done
}

must_be_built() {
    [ -n "$known" ] ||
        fail "$folder/pom.xml is none of what was built in this image: name a module of it with -pl or -f"
}

# `main` and `commandline` are what the configuration says, the arguments those of <arguments>.
run_java() {
    if ! filled "$main" || [ -z "$text" ]; then
        fail "exec:java: no main class is named: give -Dexec.mainClass=…, or <mainClass> in $folder/pom.xml"
    fi
    class=$text
    if filled "$commandline" && [ -n "$text" ]; then
        split "$text"
        IFS=$separator
        set -- $words
    fi
    count=$#
    while [ "$count" -gt 0 ]; do
        filled "$1" || :
        shift
        set -- "$@" "$text"
        count=$((count - 1))
    done
    options=${MAVEN_OPTS-}
    [ ! -f "$root/.mvn/jvm.config" ] || options="$(cat "$root/.mvn/jvm.config") $options"
    IFS=$separator
    set -- $definitions -cp "$classpath" "$class" "$@"
    IFS='
 '
    java $options "$@" || exit $?
}

# As run_java, of `executable` in `directory`.
run_program() {
    if ! filled "$executable" || [ -z "$text" ]; then
        fail "exec:exec: no program is named: give -Dexec.executable=…, or <executable> in $folder/pom.xml"
    fi
    program=$text
    if filled "$commandline" && [ -n "$text" ]; then
        split "$text"
        IFS=$separator
        set -- $words
    fi
    count=$#
    while [ "$count" -gt 0 ]; do
        filled "$1" || :
        case $text in %classpath | %modulepath) text=$classpath ;; esac
        shift
        set -- "$@" "$text"
        count=$((count - 1))
    done
    filled "$directory" || text=''
    there=${text:-$place}
    output=''
    ! filled "${open}exec.outputFile}" || output=$text
    (
        cd "$place" && cd "$there" || exit 1
        case $output in
        '') exec "$program" "$@" ;;
        /*) exec "$program" "$@" >"$output" ;;
        *) exec "$program" "$@" >"$place/$output" ;;
        esac
    ) || exit $?
}

# An execution of the exec plugin: its goal, and its id ('' is the plugin's own configuration).
start() {
    must_be_built
    IFS=,
    for profile in $profiles ''; do
        if configured "$1:$folder:$profile:$2"; then return; fi
    done
    [ -z "$2" ] || fail "exec:$1@$2: $folder/pom.xml has no execution $2"
    main="${open}exec.mainClass}" executable="${open}exec.executable}"
    commandline="${open}exec.args}" directory="${open}exec.workingdir}"
    case $1 in java) run_java ;; *) run_program ;; esac
}

tell_done() {
    [ -z "$done" ] || say "${done# }: built already in this image: nothing to do"
    done=''
}

execute() {
    tell_done
    if filled "${open}exec.classpathScope}" && [ "$text" = test ]; then
        fail "exec.classpathScope=test: the image does not hold the tests' classes"
    fi
    [ -n "$projects" ] || [ "$packaging" != pom ] ||
        fail "exec:$1: this pom.xml has modules: say with -pl which of them is to run"
    each start "$1" "$2"
}

# A command for each of the modules that were chosen.
each() {
    IFS=$separator
    for chosen in $modules; do
        enter "$chosen"
        "$@"
    done
}

# The libraries in a folder that the build file or the command line names.
copy_libraries() {
    filled "$1" || return 0
    case $text in
    '' | "$place/target/dependency") return 0 ;;
    /*) ;;
    *) text=$place/$text ;;
    esac
    [ -d "$place/target/dependency" ] || return 0
    mkdir -p "$text" && cp -R "$place/target/dependency/." "$text" || exit 1
}

copy_called() {
    must_be_built
    copied "$folder:" || copy_libraries "${open}outputDirectory}"
}

write_classpath() {
    must_be_built
    set +f
    text=''
    for library in "$place"/target/dependency/*.jar; do
        [ ! -f "$library" ] || text=$text:$library
    done
    set -f
    list=${text#:}
    if filled "${open}mdep.outputFile}"; then
        case $text in /*) ;; *) text=$place/$text ;; esac
        printf '%s' "$list" >"$text" || exit 1
    else
        printf '%s\n' "$list"
    fi
}

# Whether the script before this took away what was built.
still_there() {
    if [ -z "$known" ]; then
        say "$1: $folder/pom.xml was not built in this image, whose programs are made from others: left out"
        return
    fi
    [ "$packaging" = pom ] || [ -d "$place/target" ] ||
        fail "$1: $place/target is gone: it was built with the image, and there is no Maven here to build it again"
}

# What the build file binds to the phases up to this one and starts programs.
bound_until() {
    [ -n "$known" ] || return
    for phase in test package pre-integration-test integration-test post-integration-test verify install; do
        case $1 in
        clean | validate | initialize | *compile | generate-* | process-*) return ;;
        prepare-package) [ "$phase" = test ] || return ;;
        esac
        bound "$folder:$phase"
        [ "$phase" != "$1" ] || return
    done
}

goal() {
    id='' name=$1
    case $name in *@*) id=${name##*@} name=${name%@*} ;; esac
    case $name in
    *:*:*)
        plugin=${name#*:}
        plugin=${plugin%%:*}
        plugin=${plugin%-maven-plugin}
        plugin=${plugin#maven-}
        name=${plugin%-plugin}:${name##*:}
        ;;
    esac
    case $name in
    test | surefire:test | failsafe:integration-test)
        if filled "${open}test}"; then
            fail "$name: the image does not hold the tests' classes, so that $text cannot run"
        fi
        say "$name: the project's tests are not run here"
        ;;
    esac
    case $name in
    clean | validate | initialize | generate-sources | process-sources | generate-resources | \
        process-resources | compile | process-classes | generate-test-sources | \
        process-test-sources | generate-test-resources | process-test-resources | test-compile | \
        process-test-classes | test | prepare-package | package | pre-integration-test | \
        integration-test | post-integration-test | verify | install)
        each still_there "$name"
        [ -z "$known" ] || done="$done $name"
        if [ "$name" != clean ] && [ -n "$binds" ]; then
            tell_done
            each bound_until "$name"
        fi
        ;;
    clean:clean | compiler:* | resources:* | jar:* | war:* | shade:shade | assembly:* | \
        surefire:test | failsafe:* | install:install | wrapper:* | spring-boot:repackage)
        each still_there "$name"
        done="$done $name"
        ;;
    dependency:copy-dependencies)
        each copy_called
        done="$done $name"
        ;;
    dependency:build-classpath) each write_classpath ;;
    dependency:resolve | dependency:resolve-plugins | dependency:go-offline | dependency:get | \
        dependency:sources | dependency:list | dependency:tree) done="$done $name" ;;
    help:evaluate)
        if ! filled "${open}expression}" || ! filled "$open$text}"; then
            fail "help:evaluate: this stand-in for Maven knows no such property"
        fi
        printf '%s\n' "$text"
        ;;
    exec:java) execute java "$id" ;;
    exec:exec) execute exec "$id" ;;
    *)
        fail "$1: this stand-in for Maven cannot do that, it only starts what the image holds (exec:java, exec:exec): call the program itself with java -cp, or leave the goal out"
        ;;
    esac
}

count=$#
while [ "$count" -gt 0 ]; do
    word=$1 value=''
    shift
    count=$((count - 1))
    case $word in
    -ff | -fae | -fn) continue ;;
    -D | --define | -f | --file | -P | --activate-profiles | -pl | --projects | -l | --log-file | \
        -T | --threads | -s | --settings | -gs | --global-settings | -t | --toolchains | -gt | \
        --global-toolchains | -rf | --resume-from | -b | --builder | -color | --color)
        [ "$count" -gt 0 ] || fail "the option $word needs a value"
        value=$1
        shift
        count=$((count - 1))
        ;;
    --*=*) value=${word#*=} word=${word%%=*} ;;
    -pl?*)
        value=${word#-pl}
        value=${value#=} word=-pl
        ;;
    -D?* | -P?* | -f?* | -l?*) value=${word#-?} word=${word%"${word#-?}"} ;;
    esac
    case $word in
    -D | --define)
        case $value in *=*) ;; *) value=$value=true ;; esac
        definitions=$definitions-D$value$separator
        ;;
    -f | --file) pom=${value#=} ;;
    -P | --activate-profiles) profiles=${profiles:+$profiles,}$value ;;
    -pl | --projects) projects=$value ;;
    -l | --log-file) log=$value ;;
    -v | --version | -version)
        echo "Apache Maven: reprokit's stand-in for it, the program is built already"
        exit 0
        ;;
    -h | --help | -\?)
        say "a stand-in for Maven: what is built in this image is done, exec:java and exec:exec start it"
        exit 0
        ;;
    -*) ;; # How Maven prints, resolves and goes on after failures: nothing of that happens here.
    *) goals=$goals$word$separator ;;
    esac
done

[ -n "$goals" ] || fail "no goal is named: say for example exec:java -Dexec.mainClass=org.example.Main"
[ -z "$log" ] || exec >"$log"
[ -z "$pom" ] || [ -e "$pom" ] || fail "there is no $pom"
case $pom in
'') start_folder=. ;;
*) if [ -d "$pom" ]; then start_folder=$pom; else
    case $pom in */*) start_folder=${pom%/*}/ ;; *) start_folder=. ;; esac
fi ;;
esac
start_folder=$(cd "$start_folder" && pwd -P) || exit 1
case $start_folder in
"$root") folder=. ;;
"$root"/*) folder=${start_folder#"$root"/} ;;
*) fail "$start_folder is no folder of the project in $root" ;;
esac
enter "$folder"
top=$folder modules=$folder
if [ -n "$projects" ]; then
    modules=''
    IFS=,
    for wanted in $projects; do
        case $wanted in
        '!'* | -*) continue ;;
        +* | '?'*) wanted=${wanted#?} ;;
        esac
        case $wanted in
        *:*)
            found=$(by_artifact "${wanted##*:}") || fail "-pl $wanted: no module built in this image has that name"
            ;;
        *)
            found=$(cd "$start_folder/$wanted" && pwd -P) || exit 1
            case $found in "$root") found=. ;; *) found=${found#"$root"/} ;; esac
            ;;
        esac
        modules=$modules$found$separator
    done
    [ -n "$modules" ] || fail "-pl $projects names no module that is to run: name it itself"
fi

IFS=$separator
for called in $goals; do
    goal "$called"
    enter "$top"
    IFS=$separator
done
tell_done
