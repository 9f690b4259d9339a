@echo off
rem The command of the lab: lab --help. It runs tools\cli\src\main.ts on Node 24: the version that npm ci installs, or else the system's.
rem No blocks in parentheses: a folder such as "Program Files (x86)" in a message would end them.
setlocal
set "root=%~dp0"
set "main=%root%tools\cli\src\main.ts"
set "own=%root%node_modules\node\bin\node.exe"
if exist "%own%" "%own%" "%main%" %* & exit /b
node -e "process.exit(process.versions.node.split('.')[0] < 20)" >nul 2>nul
if errorlevel 1 echo lab: Node 20 or later is needed: https://nodejs.org, then run npm ci in "%root%" 1>&2 & exit /b 1
if not exist "%root%node_modules" echo lab: run npm ci first, in "%root%" 1>&2 & exit /b 1
node -e "process.exit(process.versions.node.split('.')[0] < 24)" >nul 2>nul
if errorlevel 1 echo lab: npm ci did not install Node 24: run npm rebuild node in "%root%", or install Node 24 1>&2 & exit /b 1
node "%main%" %*
